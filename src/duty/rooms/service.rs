//! Recipes of the desk: list, close, snooze; each audited.

use serde_json::json;

use super::{CardView, Snooze, store};
use crate::duty::officers;
use crate::platform::audit;
use crate::platform::cards::{self, CardRow};
use crate::platform::ctx::Ctx;
use crate::platform::db::{Conn, Priority};
use crate::platform::http::{Done, Items, RequestMeta, idem, page};
use crate::platform::policy::{Action, Actor, Facts, may};
use crate::words::error::{Error, Result};
use crate::words::ids::CardId;

/// Open, awake cards of the actor's subtree, oldest first: the same order for every seat.
pub async fn list(ctx: &Ctx, limit: i64, after: Option<String>) -> Result<Items<CardView>> {
    if !ctx.actor.kind.is_watching() {
        return Err(Error::forbidden("cards belong to command rooms"));
    }
    let after = after.as_deref().map(page::placed).transpose()?;
    let (prefix, now) = (ctx.actor.unit_path.clone(), ctx.clock.now());
    let rows = ctx.db.read(move |c| store::cards_of_subtree(c, &prefix, now, after, limit + 1)).await?;
    let views = rows.into_iter().map(CardView::of).collect::<Result<Vec<_>>>()?;
    Ok(Items::from_rows(views, limit, |v| page::place(v.raised_at, v.id)))
}

/// One card the actor may see; 404 otherwise.
pub fn fetch(conn: &mut Conn, actor: &Actor, action: Action, id: &CardId) -> Result<CardRow> {
    let row = cards::card_fetch(conn, id).map_err(|_none| Error::not_found("card"))?;
    let unit = officers::store::unit_fetch(conn, &row.unit_id)?;
    may(actor, action, &Facts { unit_path: Some(&unit.path), ..Facts::default() }).check("card")?;
    Ok(row)
}

/// Closes a card: somebody has dealt with it. Closing a closed one changes nothing.
pub async fn close(ctx: &Ctx, meta: &RequestMeta, id: CardId) -> Result<Done> {
    let actor = ctx.actor.clone();
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = fetch(tx.conn(), &actor, Action::IncidentCommand, &id)?;
        if cards::close(tx, &row.dedup_key, Some(actor.person))? {
            audit::record(tx, Some(&actor), "card.close", "card", &id.to_string(), &json!({ "kind": row.kind }))?;
        }
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// Puts a card to sleep with a reason.
pub async fn snooze(ctx: &Ctx, meta: &RequestMeta, id: CardId, ask: &Snooze) -> Result<Done> {
    ask.check()?;
    let (actor, minutes, reason) = (ctx.actor.clone(), ask.minutes, ask.reason.clone());
    idem::run(ctx, meta, Priority::Normal, move |tx| {
        let row = fetch(tx.conn(), &actor, Action::IncidentCommand, &id)?;
        if !row.open {
            return Err(Error::conflict("the card is closed"));
        }
        let until = tx.now.plus_secs(minutes * 60);
        store::card_snooze(tx.conn(), &id, until, &reason)?;
        audit::record(tx, Some(&actor), "card.snooze", "card", &id.to_string(), &json!({ "minutes": minutes }))?;
        Ok(Done::new(200, id.to_string()))
    })
    .await
}

/// The card as it is now.
pub async fn view(ctx: &Ctx, id: CardId) -> Result<CardView> {
    let actor = ctx.actor.clone();
    let row = ctx.db.read(move |c| fetch(c, &actor, Action::IncidentRead, &id)).await?;
    CardView::of(row)
}

/// Checks a page's bounds; kept here so that the handler stays thin.
pub fn limit(asked: Option<i64>) -> Result<i64> {
    page::limit(asked)
}
