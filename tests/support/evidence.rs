//! Evidence as terminals deliver it: photos as multipart, files by raw tus requests, devices that sign; pictures made here.

use super::{Officer, Reply, TestApp, Unit, ago, wait_for};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::merkle::sha256_hex;

/// One answer whose body is bytes.
#[derive(Debug, Clone)]
pub struct Raw {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Raw {
    async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.bytes().await.unwrap_or_default().to_vec() }
    }

    /// A header's text, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A header that is a number.
    #[track_caller]
    pub fn number(&self, name: &str) -> u64 {
        self.header(name).parse().unwrap_or_else(|_| panic!("{name} is {:?}: {self:?}", self.header(name)))
    }

    /// Fails unless the status is exactly `status`.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{} {:?}", String::from_utf8_lossy(&self.body), self.headers);
        self
    }

    /// The body as JSON, `Null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// The body of a photo's delivery and its content type.
pub fn multipart(filename: &str, media_type: &str, file: &[u8], metadata: &Value) -> (String, Vec<u8>) {
    let boundary = format!("suixing-{}", uuid::Uuid::now_v7().simple());
    let mut body = Vec::new();
    let meta = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"metadata\"\r\nContent-Type: application/json\r\n\r\n\
         {metadata}\r\n"
    );
    body.extend_from_slice(meta.as_bytes());
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\
         Content-Type: {media_type}\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

/// What a terminal says of a photo it has just taken.
pub fn photo_of(more: Value) -> Value {
    let mut metadata = json!({ "filename": "IMG_0001.jpg", "kind": "photo", "captured_at": ago(5.0) });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    metadata
}

impl Officer {
    /// Delivers a photo; `more` are further or other keys of its metadata.
    pub async fn photo(&self, file: &[u8], more: Value) -> Reply {
        let metadata = photo_of(more);
        let name = metadata["filename"].as_str().unwrap_or("IMG_0001.jpg").to_owned();
        self.photo_named(&name, "image/jpeg", file, &metadata).await
    }

    /// The same with everything as it is given.
    pub async fn photo_named(&self, name: &str, media_type: &str, file: &[u8], metadata: &Value) -> Reply {
        let (kind, body) = multipart(name, media_type, file, metadata);
        let request = self
            .app
            .http()
            .post(self.app.url("/evidence/photos"))
            .bearer_auth(self.token())
            .header("content-type", kind)
            .body(body);
        Reply::read("POST /evidence/photos".to_owned(), request.send().await.unwrap()).await
    }

    /// Any request with headers and bytes as given; the answer's body is bytes.
    pub async fn raw(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Raw {
        raw(&self.app, Some(&self.token()), method, path, headers, body).await
    }

    /// GET of bytes.
    pub async fn bytes(&self, path: &str, headers: &[(&str, &str)]) -> Raw {
        self.raw("GET", path, headers, Vec::new()).await
    }

    /// The item once its job has looked at it.
    pub async fn previewed(&self, id: &str) -> Value {
        wait_for("the previews", || async {
            let item = self.get(&format!("/evidence/{id}")).await.expect(200).json;
            (item["previewed"] != "waiting").then_some(item)
        })
        .await
    }

    /// The receipt once its entry is under a signed head.
    pub async fn proven(&self, id: &str) -> Value {
        wait_for("the receipt's proof", || async {
            let receipt = self.get(&format!("/evidence/{id}/receipt")).await.expect(200).json;
            receipt["inclusion"].is_array().then_some(receipt)
        })
        .await
    }

    /// The kinds of the touches of an item, oldest first.
    pub async fn touches(&self, id: &str) -> Vec<String> {
        let custody = self.get(&format!("/evidence/{id}/custody")).await.expect(200);
        custody.items().iter().map(|entry| entry["kind"].as_str().unwrap().to_owned()).collect()
    }
}

/// The header every request of tus but OPTIONS carries.
pub const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
/// The content type of a chunk.
pub const CHUNK: (&str, &str) = ("content-type", "application/offset+octet-stream");

/// `Upload-Metadata` of these texts.
pub fn tus_metadata(metadata: &Value) -> String {
    let pairs = metadata.as_object().unwrap().iter().map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{key} {}", BASE64_STANDARD.encode(text))
    });
    pairs.collect::<Vec<_>>().join(",")
}

/// What a camera says of a recording.
pub fn recording(more: Value) -> Value {
    let mut metadata = json!({ "filename": "REC_0001.mp4", "kind": "video", "captured_at": ago(600.0) });
    for (name, value) in more.as_object().unwrap() {
        metadata[name] = value.clone();
    }
    metadata
}

/// A recording that says how long it is and shows nothing.
pub fn film_of(seconds: u32) -> Vec<u8> {
    let boxed = |kind: &[u8; 4], body: &[u8]| {
        let size = u32::try_from(body.len() + 8).unwrap();
        [size.to_be_bytes().as_slice(), kind, body].concat()
    };
    let times = [[0; 12].as_slice(), &1_000_u32.to_be_bytes(), &(seconds * 1_000).to_be_bytes(), &[0; 80]].concat();
    // Each film is another one.
    let pictures = boxed(b"mdat", uuid::Uuid::now_v7().as_bytes());
    [boxed(b"ftyp", b"isom\0\0\x02\0isom"), boxed(b"moov", &boxed(b"mvhd", &times)), pictures].concat()
}

/// The path of an upload below `/api/v1`, from the `Location` of its creation.
#[track_caller]
pub fn upload_path(made: &Raw) -> String {
    let place = made.header("location");
    let id = place.rsplit('/').next().filter(|id| !id.is_empty()).unwrap_or_else(|| panic!("no location: {made:?}"));
    format!("/uploads/{id}")
}

impl Officer {
    /// Begins an upload of so many bytes; gives the answer.
    pub async fn tus_create(&self, length: usize, metadata: &Value, more: &[(&str, &str)]) -> Raw {
        let (length, metadata) = (length.to_string(), tus_metadata(metadata));
        let mut headers = vec![TUS, ("upload-length", length.as_str()), ("upload-metadata", metadata.as_str())];
        headers.extend_from_slice(more);
        self.raw("POST", "/uploads", &headers, Vec::new()).await
    }

    /// Sends bytes from an offset on.
    pub async fn tus_patch(&self, upload: &str, offset: usize, bytes: &[u8], more: &[(&str, &str)]) -> Raw {
        let offset = offset.to_string();
        let mut headers = vec![TUS, CHUNK, ("upload-offset", offset.as_str())];
        headers.extend_from_slice(more);
        self.raw("PATCH", upload, &headers, bytes.to_vec()).await
    }

    /// Asks how far an upload is.
    pub async fn tus_head(&self, upload: &str) -> Raw {
        self.raw("HEAD", upload, &[TUS], Vec::new()).await
    }

    /// Delivers a file the resumable way in one go; gives the item's id.
    pub async fn upload(&self, file: &[u8], more: Value) -> String {
        let made = self.tus_create(file.len(), &recording(more), &[]).await.expect(201);
        let done = self.tus_patch(&upload_path(&made), 0, file, &[]).await.expect(204);
        let id = done.header("suixing-evidence-id").to_owned();
        assert!(!id.is_empty(), "{done:?}");
        id
    }
}

/// A request with or without a token, its answer's body as bytes.
pub async fn raw(
    app: &TestApp,
    token: Option<&str>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Raw {
    try_raw(app, token, method, path, headers, body).await.unwrap()
}

/// The same, giving the transport's error when no answer came.
pub async fn try_raw(
    app: &TestApp,
    token: Option<&str>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> reqwest::Result<Raw> {
    let mut request = app.http().request(method.parse().unwrap(), app.url(path)).body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(Raw::read(request.send().await?).await)
}

/// A device with a key of its own; a handheld unless told.
pub struct Signer {
    pub id: String,
    pub app: TestApp,
    pub pair: Ed25519KeyPair,
}

impl Signer {
    /// Enrols one in a unit.
    pub async fn enrol(unit: &Unit) -> Self {
        Self::enrol_as(unit, "handheld").await
    }

    /// Enrols a device of any kind.
    pub async fn enrol_as(unit: &Unit, kind: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let wanted = json!({ "unit_id": unit.id, "kind": kind, "name": "H7" });
        let code = unit.admin().post("/devices/enrolment-codes", wanted).await.ok();
        let public = BASE64_STANDARD.encode(pair.public_key().as_ref());
        let body = json!({ "code": code["code"], "public_key": public });
        let made = unit.app.call("POST", "/devices/enrol", Some(&body)).await.ok();
        Self { id: made.text("device_id"), app: unit.app.clone(), pair }
    }

    /// A request signed by the device alone; `covered` is the body, or what stands for it where it streams, `path` is as
    /// below `/api/v1`.
    pub async fn send(&self, method: &str, path: &str, covered: &[u8], headers: &[(&str, &str)], body: Vec<u8>) -> Raw {
        let time = ago(0.0);
        let hash = sha256_hex(covered);
        let text = format!("suixing-device-v1\n{method}\n/api/v1{path}\n{time}\n{hash}");
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.pair.sign(text.as_bytes()).as_ref());
        let mut all = headers.to_vec();
        all.extend([
            ("x-device-id", self.id.as_str()),
            ("x-device-time", time.as_str()),
            ("x-device-signature", signature.as_str()),
        ]);
        raw(&self.app, None, method, path, &all, body).await
    }

    /// Delivers a photo of its last holder, or of whom the metadata names.
    pub async fn photo(&self, file: &[u8], more: Value) -> Raw {
        let metadata = photo_of(more);
        let (kind, body) = multipart("IMG_0001.jpg", "image/jpeg", file, &metadata);
        self.send("POST", "/evidence/photos", &body, &[("content-type", &kind)], body.clone()).await
    }

    /// One request of tus; signed are the headers that say what the bytes are and where they go.
    pub async fn tus(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Raw {
        let named = ["upload-length", "upload-offset", "upload-metadata", "upload-concat", "upload-checksum"];
        let mut covered = "suixing-device-upload-v1".to_owned();
        for name in named {
            let value = headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| *value);
            covered.push('\n');
            covered.push_str(value);
        }
        self.send(method, path, covered.as_bytes(), headers, body).await
    }
}

/// A picture with something in it, different for each `seed`.
pub fn jpeg(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let wave = |n: u32| u8::try_from(n % 256).unwrap();
        image::Rgb([wave(x * 255 / width.max(1)), wave(y * 255 / height.max(1)), seed ^ wave((x / 16 + y / 16) * 40)])
    });
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

/// What a camera writes into a picture.
#[derive(Clone, Debug, Default)]
pub struct Exif {
    /// 1 upright, 6 turned by a quarter, …
    pub orientation: Option<u16>,
    /// `2026:01:02 03:04:05`
    pub taken: Option<String>,
    /// `+08:00`
    pub offset: Option<String>,
    /// Longitude, latitude; east and north.
    pub place: Option<(f64, f64)>,
    pub model: Option<String>,
}

/// The picture with this written into it, as cameras do it: a TIFF directory in the first segment.
pub fn with_exif(jpeg: &[u8], exif: &Exif) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0".to_vec();
    let text = |text: &str| [text.as_bytes(), b"\0"].concat();
    let mut main: Vec<Field> = Vec::new();
    if let Some(model) = &exif.model {
        main.push(Field::new(0x0110, 2, text(model)));
    }
    if let Some(orientation) = exif.orientation {
        main.push(Field::new(0x0112, 3, orientation.to_le_bytes().to_vec()));
    }
    let mut shot: Vec<Field> = Vec::new();
    if let Some(taken) = &exif.taken {
        shot.push(Field::new(0x9003, 2, text(taken)));
    }
    if let Some(offset) = &exif.offset {
        shot.push(Field::new(0x9011, 2, text(offset)));
    }
    let mut gps: Vec<Field> = Vec::new();
    if let Some((lon, lat)) = exif.place {
        gps.push(Field::new(1, 2, text("N")));
        gps.push(Field::new(2, 5, degrees(lat)));
        gps.push(Field::new(3, 2, text("E")));
        gps.push(Field::new(4, 5, degrees(lon)));
    }
    // The pointers are long before it is known where they point to: both directories follow the first.
    let pointers = [(0x8769, &shot), (0x8825, &gps)];
    for (tag, _) in pointers.iter().filter(|(_, fields)| !fields.is_empty()) {
        main.push(Field::new(*tag, 4, vec![0; 4]));
    }
    let mut at = 8 + size_of_directory(&main);
    for (tag, fields) in pointers {
        if let Some(pointer) = main.iter_mut().find(|field| field.tag == tag) {
            pointer.value = u32::try_from(at).unwrap().to_le_bytes().to_vec();
            at += size_of_directory(fields);
        }
    }
    write_directory(&mut tiff, &main);
    for fields in [&shot, &gps].into_iter().filter(|fields| !fields.is_empty()) {
        write_directory(&mut tiff, fields);
    }
    let mut segment = b"\xFF\xE1".to_vec();
    let length = u16::try_from(2 + 6 + tiff.len()).unwrap();
    segment.extend(length.to_be_bytes());
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    [&jpeg[..2], &segment, &jpeg[2..]].concat()
}

struct Field {
    tag: u16,
    kind: u16,
    value: Vec<u8>,
}

impl Field {
    fn new(tag: u16, kind: u16, value: Vec<u8>) -> Self {
        Self { tag, kind, value }
    }

    fn count(&self) -> u32 {
        let each = [0, 1, 1, 2, 4, 8][usize::from(self.kind)];
        u32::try_from(self.value.len() / each).unwrap()
    }

    /// Bytes behind the directory; short values lie in it.
    fn outside(&self) -> usize {
        if self.value.len() > 4 { self.value.len().next_multiple_of(2) } else { 0 }
    }
}

fn size_of_directory(fields: &[Field]) -> usize {
    2 + 12 * fields.len() + 4 + fields.iter().map(Field::outside).sum::<usize>()
}

fn write_directory(tiff: &mut Vec<u8>, fields: &[Field]) {
    let mut outside_at = tiff.len() + 2 + 12 * fields.len() + 4;
    let mut outside = Vec::new();
    tiff.extend(u16::try_from(fields.len()).unwrap().to_le_bytes());
    for field in fields {
        tiff.extend(field.tag.to_le_bytes());
        tiff.extend(field.kind.to_le_bytes());
        tiff.extend(field.count().to_le_bytes());
        if field.outside() == 0 {
            let mut value = field.value.clone();
            value.resize(4, 0);
            tiff.extend(value);
        } else {
            tiff.extend(u32::try_from(outside_at).unwrap().to_le_bytes());
            let mut value = field.value.clone();
            value.resize(field.outside(), 0);
            outside_at += value.len();
            outside.extend(value);
        }
    }
    tiff.extend([0; 4]);
    tiff.extend(outside);
}

/// Degrees, minutes and seconds as three fractions.
fn degrees(value: f64) -> Vec<u8> {
    let (whole, rest) = (value.trunc(), value.fract() * 60.0);
    let (minutes, seconds) = (rest.trunc(), rest.fract() * 60.0);
    let parts = [(whole as u32, 1_u32), (minutes as u32, 1), ((seconds * 10_000.0).round() as u32, 10_000)];
    parts.iter().flat_map(|(above, below)| [above.to_le_bytes(), below.to_le_bytes()].concat()).collect()
}
