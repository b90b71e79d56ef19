//! The log itself: its signed heads, proofs, and the keys it is signed with. Hashes, which name nobody.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, ServiceConfig, get, resource};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::OpenApi;

use super::super::access::{self, Look};
use super::super::custody::head::{Consistency, TreeHead};
use super::super::custody::keys::{self, PublicKey};
use super::super::custody::proof;
use super::super::store::custody::{self as store, HeadRow};
use crate::platform::ctx::{Core, Ctx};
use crate::platform::db::Conn;
use crate::platform::http::{Items, Page, Params};
use crate::platform::keys::hex;
use crate::words::error::{Code, Error, Result};

/// path → handler, below `/api/v1`.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/custody/tree-heads").route(get().to(tree_heads)))
        .service(resource("/custody/proofs/inclusion").route(get().to(inclusion)))
        .service(resource("/custody/proofs/consistency").route(get().to(consistency)))
        .service(resource("/custody/keys").route(get().to(public_keys)));
}

/// The part of the interface description that is ours.
#[derive(OpenApi)]
#[openapi(paths(tree_heads, inclusion, consistency, public_keys))]
pub struct Api;

/// Signed heads.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TreeHeads {
    /// The largest first.
    pub items: Vec<TreeHead>,
    /// Null on the last page.
    pub next_cursor: Option<String>,
}

/// Which entry in which tree.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InclusionQuery {
    /// The entry's number, from 0.
    #[param(minimum = 0)]
    pub index: u64,
    /// Entries of the tree; those under the last signed head unless told.
    #[param(minimum = 1)]
    pub size: Option<u64>,
}

/// That an entry stands in a tree (RFC 9162, 2.1.3).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Inclusion {
    pub index: u64,
    pub size: u64,
    /// The entry's leaf, hex.
    pub leaf: String,
    /// Hex.
    pub root: String,
    /// From the leaf to the root, hex.
    pub proof: Vec<String>,
    /// The signed head over this tree; null when none was signed over exactly so many entries.
    pub tree_head: Option<TreeHead>,
}

/// Which two trees.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ConsistencyQuery {
    /// Entries of the earlier tree.
    #[param(minimum = 1)]
    pub from: u64,
    /// Entries of the later one; those under the last signed head unless told.
    #[param(minimum = 1)]
    pub to: Option<u64>,
}

/// The public halves of all signing keys there ever were.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PublicKeyList {
    /// The oldest first; each is signed by the one before it.
    pub keys: Vec<PublicKey>,
}

/// Signed tree heads, the latest first.
///
/// Permissions: everybody with a session. Reading the log is itself an entry, once a minute.
#[utoipa::path(get, path = "/api/v1/custody/tree-heads", tag = "custody", params(Page),
    responses((status = 200, body = TreeHeads)))]
pub async fn tree_heads(ctx: Ctx, Params(query): Params<Page>) -> Result<HttpResponse> {
    let limit = query.limit()?;
    let before: i64 = match query.after()? {
        Some(position) => position.parse().map_err(|_parse| Error::new(Code::InvalidCursor))?,
        None => i64::MAX,
    };
    access::record(&ctx, None, Look::Custody, None, json!({})).await?;
    let rows = ctx.db.read(move |conn| store::heads_before(conn, before, limit + 1)).await?;
    let found = Items::from_rows(rows, limit, |row: &HeadRow| row.size.to_string());
    let items = found.items.iter().map(TreeHead::from).collect();
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(TreeHeads { items, next_cursor: found.next_cursor }))
}

/// The proof that an entry stands in a tree.
///
/// Permissions: everybody with a session. Reading the log is itself an entry, once a minute.
#[utoipa::path(get, path = "/api/v1/custody/proofs/inclusion", tag = "custody", params(InclusionQuery),
    responses((status = 200, body = Inclusion), (status = 404, description = "nothing is signed yet"),
        (status = 422, description = "`invalid_field`: the log has no such entry or is not so large")))]
pub async fn inclusion(ctx: Ctx, Params(query): Params<InclusionQuery>) -> Result<HttpResponse> {
    access::record(&ctx, None, Look::Custody, None, json!({})).await?;
    let answer = ctx
        .db
        .read(move |conn| {
            let size = size_of(conn, "size", query.size)?;
            let index = query.index;
            if index >= size {
                return Err(Error::field("index", format!("must be below {size}")));
            }
            Ok(Inclusion {
                index,
                size,
                leaf: hex(&proof::node(conn, 0, index)?),
                root: hex(&proof::root(conn, size)?),
                proof: proof::inclusion(conn, index, size)?.iter().map(|hash| hex(hash)).collect(),
                tree_head: head_over(conn, size)?,
            })
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}

/// The proof that a later tree begins with an earlier one: that nothing was changed or taken out in between.
///
/// Permissions: everybody with a session. Reading the log is itself an entry, once a minute.
#[utoipa::path(get, path = "/api/v1/custody/proofs/consistency", tag = "custody", params(ConsistencyQuery),
    responses((status = 200, body = Consistency), (status = 404, description = "nothing is signed yet"),
        (status = 422, description = "`invalid_field`: the log is not so large")))]
pub async fn consistency(ctx: Ctx, Params(query): Params<ConsistencyQuery>) -> Result<HttpResponse> {
    access::record(&ctx, None, Look::Custody, None, json!({})).await?;
    let answer = ctx
        .db
        .read(move |conn| {
            let to = size_of(conn, "to", query.to)?;
            let from = query.from;
            if !(1..=to).contains(&from) {
                return Err(Error::field("from", format!("must be between 1 and {to}")));
            }
            Ok(Consistency {
                from,
                to,
                from_root: hex(&proof::root(conn, from)?),
                to_root: hex(&proof::root(conn, to)?),
                proof: proof::consistency(conn, from, to)?.iter().map(|hash| hex(hash)).collect(),
                from_head: head_over(conn, from)?,
                to_head: head_over(conn, to)?,
            })
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}

/// The keys that tree heads and receipts are signed with.
///
/// Permissions: anybody.
#[utoipa::path(get, path = "/api/v1/custody/keys", tag = "custody", security(()),
    responses((status = 200, body = PublicKeyList)))]
pub async fn public_keys(core: Data<Core>) -> Result<HttpResponse> {
    let keys = core.db.read(keys::published).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=300")).json(PublicKeyList { keys }))
}

/// The size asked for, which the log must have; that under the last head unless told.
fn size_of(conn: &mut Conn, field: &str, asked: Option<u64>) -> Result<u64> {
    let Some(asked) = asked else {
        let head = store::head_last(conn)?.ok_or_else(|| Error::not_found("tree head"))?;
        return u64::try_from(head.size).map_err(Error::internal);
    };
    let size = proof::size(conn)?;
    if (1..=size).contains(&asked) {
        Ok(asked)
    } else {
        Err(Error::field(field, format!("must be between 1 and {size}")))
    }
}

fn head_over(conn: &mut Conn, size: u64) -> Result<Option<TreeHead>> {
    let size = i64::try_from(size).map_err(Error::internal)?;
    Ok(store::head_of_size(conn, size)?.as_ref().map(TreeHead::from))
}
