//! A second reader of receipts and proofs: RFC 9162 and the receipt's own rules, written from the standard and the
//! interface, sharing no code with the server.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::Value;

/// A node of the tree.
pub type Hash = [u8; 32];

/// SHA-256 over the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    digest(&SHA256, &parts.concat()).as_ref().try_into().unwrap()
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of a file's bytes in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(&[bytes]))
}

/// Bytes of hex.
pub fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "odd hex {text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hash_of(text: &str) -> Hash {
    unhex(text).try_into().unwrap()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// RFC 9162, 2.1.3.2.
pub fn includes(leaf: Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut fnode, mut snode, mut r) = (index, size - 1, leaf);
    for p in path {
        if snode == 0 {
            return false;
        }
        if fnode & 1 == 1 || fnode == snode {
            r = node(p, &r);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            r = node(&r, p);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    snode == 0 && r == *root
}

/// RFC 9162, 2.1.4.2.
pub fn consistent(first: u64, second: u64, path: &[Hash], first_root: &Hash, second_root: &Hash) -> bool {
    if first == second {
        return path.is_empty() && first_root == second_root;
    }
    if first == 0 || first > second || path.is_empty() {
        return false;
    }
    let mut path = path.to_vec();
    if first.is_power_of_two() {
        path.insert(0, *first_root);
    }
    let (mut fnode, mut snode) = (first - 1, second - 1);
    while fnode & 1 == 1 {
        fnode >>= 1;
        snode >>= 1;
    }
    let (mut fr, mut sr) = (path[0], path[0]);
    for c in &path[1..] {
        if snode == 0 {
            return false;
        }
        if fnode & 1 == 1 || fnode == snode {
            fr = node(c, &fr);
            sr = node(c, &sr);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            sr = node(&sr, c);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    snode == 0 && fr == *first_root && sr == *second_root
}

/// The hashes of a list of hex texts.
pub fn hashes(list: &Value) -> Vec<Hash> {
    list.as_array().unwrap().iter().map(|text| hash_of(text.as_str().unwrap())).collect()
}

/// JSON with sorted keys and without spaces.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            let inner: Vec<String> = names
                .into_iter()
                .map(|name| format!("{}:{}", Value::from(name.as_str()), canonical(&members[name.as_str()])))
                .collect();
            format!("{{{}}}", inner.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        plain => plain.to_string(),
    }
}

/// The public keys of the custody log as they are published: (name, key).
pub fn published(keys: &Value) -> Vec<(String, Vec<u8>)> {
    let list =
        keys["keys"].as_array().or_else(|| keys["items"].as_array()).unwrap_or_else(|| panic!("no keys: {keys}"));
    list.iter()
        .map(|key| {
            let public = BASE64_URL_SAFE_NO_PAD.decode(key["public_key"].as_str().unwrap()).unwrap();
            (key["key_id"].as_str().unwrap().to_owned(), public)
        })
        .collect()
}

/// Whether the key of this name signed the text.
pub fn signed(keys: &[(String, Vec<u8>)], key_id: &Value, text: &str, signature: &Value) -> bool {
    let Some((_, key)) = keys.iter().find(|(name, _)| *key_id == name.as_str()) else { return false };
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature.as_str().unwrap()).unwrap();
    UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &signature).is_ok()
}

/// Whether a tree head is signed by one of the keys.
pub fn head_signed(keys: &[(String, Vec<u8>)], head: &Value) -> bool {
    let at: jiff::Timestamp = head["at"].as_str().unwrap().parse().unwrap();
    let (size, root) = (head["size"].as_u64().unwrap(), head["root"].as_str().unwrap());
    let text = format!("suixing-tree-head-v1\n{size}\n{root}\n{}", at.as_microsecond());
    signed(keys, &head["key_id"], &text, &head["signature"])
}

/// Checks a receipt from end to end against what is known of the file and of the keys; says what does not fit.
pub fn check_receipt(receipt: &Value, keys: &[(String, Vec<u8>)], file: &[u8]) -> Result<Value, String> {
    let text = receipt["receipt"].as_str().ok_or("no text")?;
    if !signed(keys, &receipt["key_id"], text, &receipt["signature"]) {
        return Err("the receipt is not signed by a published key".to_owned());
    }
    let body: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if canonical(&body) != text {
        return Err(format!("not canonical: {text}"));
    }
    if body["sha256"] != sha256_hex(file).as_str() || body["size"] != file.len() {
        return Err(format!("another file: {text}"));
    }
    let entry = &receipt["entry"];
    if entry["id"] != body["entry_id"] || entry["evidence_id"] != body["evidence_id"] || entry["kind"] != "received" {
        return Err(format!("another entry: {entry}"));
    }
    let salt = unhex(receipt["salt"].as_str().ok_or("no salt")?);
    let leaf = sha256(&[&[0], &sha256(&[&salt, canonical(entry).as_bytes()])]);
    if receipt["leaf"] != hex(&leaf).as_str() {
        return Err("the leaf is not the entry's".to_owned());
    }
    let head = &receipt["tree_head"];
    if !head_signed(keys, head) {
        return Err(format!("the head is not signed: {head}"));
    }
    let (n, size) = (receipt["n"].as_u64().ok_or("no number")?, head["size"].as_u64().ok_or("no size")?);
    let root = hash_of(head["root"].as_str().ok_or("no root")?);
    if !includes(leaf, n, size, &hashes(&receipt["inclusion"]), &root) {
        return Err("the entry is not under the head".to_owned());
    }
    Ok(body)
}
