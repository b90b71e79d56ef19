use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What happens when a deadline is missed. Escalation adds, it never takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The next nearest free crew is sent as well, and the room is told.
    AutoAdd,
    /// The room gets a card that names the next nearest free crew.
    Suggest,
    /// The room gets a card.
    CardOnly,
}

/// Settings of the dispatch duty. Lists of four are for priority 1, 2, 3, 4; seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dispatch {
    /// From sent to a carried device's receipt.
    pub delivered_s: [u32; 4],
    /// From sent to looked at.
    pub viewed_s: [u32; 4],
    /// From sent to accepted.
    pub accepted_s: [u32; 4],
    /// From accepted to on the way.
    pub en_route_s: [u32; 4],
    /// From on the way to on the scene.
    pub on_scene_s: [u32; 4],
    /// From cleared to the final feedback.
    pub feedback_s: [u32; 4],
    /// From sent to a unit to signed for (签收).
    pub signed_s: [u32; 4],
    /// Longest wait while queued or suspended before the room is told.
    pub waiting_s: [u32; 4],
    /// From a change request (申请改派) to the room's answer.
    pub change_s: [u32; 4],
    /// From cancelled to the crew's confirmation.
    pub cancel_confirm_s: [u32; 4],
    /// How long each further channel is given.
    pub channel_s: [u32; 4],
    /// Escalation mode per priority.
    pub mode: [Mode; 4],
    /// Escalation mode per category; wins over the priority's.
    pub mode_by_category: BTreeMap<String, Mode>,
    /// At most this many responders are added by themselves to one incident.
    pub auto_add_max: u32,
    /// Categories (and their sub-categories after a dot) a grid worker or mediator may go to without police.
    pub civil_categories: Vec<String>,
    /// How long a seat's claim on an incident lasts without renewal.
    pub claim_s: u32,
    /// An assignment by another seat this recently asks for an override unless it names the version it saw.
    pub recent_assignment_s: u32,
    /// Terminals of one unit that must be silent together to call it an area outage …
    pub area_silent_min: u32,
    /// … and the share of the unit's people on duty, 0 to 1.
    pub area_silent_share: f64,
    /// How long re-offers are held before an area outage is judged again.
    pub area_silent_hold_s: u32,
    /// Farthest crew considered by `nearest`, metres.
    pub nearest_within_m: f64,
    /// Hours after the final feedback during which the assigned still see the caller's number.
    pub caller_hours: u32,
    /// Where the vendor push or SMS adapter listens; empty = none.
    pub push_adapter_url: String,
    /// Longest pause between two tries of a source's webhook.
    pub webhook_backoff_max_s: u32,
    /// Longest one webhook call may take.
    pub webhook_timeout_s: u32,
    /// After this many failed tries in a row the room gets a card.
    pub webhook_card_after: u32,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self {
            delivered_s: [5, 8, 15, 30],
            viewed_s: [20, 30, 60, 120],
            accepted_s: [30, 60, 120, 300],
            en_route_s: [60, 120, 180, 600],
            on_scene_s: [480, 600, 900, 1800],
            feedback_s: [1800, 1800, 3600, 7200],
            signed_s: [30, 30, 60, 120],
            waiting_s: [180, 600, 1200, 3600],
            change_s: [60, 120, 300, 600],
            cancel_confirm_s: [60, 60, 120, 300],
            channel_s: [5, 8, 10, 15],
            mode: [Mode::AutoAdd, Mode::Suggest, Mode::Suggest, Mode::Suggest],
            mode_by_category: BTreeMap::new(),
            auto_add_max: 2,
            civil_categories: [
                "dispute",
                "noise",
                "neighbourhood",
                "mediation",
                "consultation",
                "lost_property",
                "help",
            ]
            .map(str::to_owned)
            .to_vec(),
            claim_s: 120,
            recent_assignment_s: 30,
            area_silent_min: 5,
            area_silent_share: 0.5,
            area_silent_hold_s: 30,
            nearest_within_m: 20_000.0,
            caller_hours: 24,
            push_adapter_url: String::new(),
            webhook_backoff_max_s: 60,
            webhook_timeout_s: 10,
            webhook_card_after: 5,
        }
    }
}

impl Dispatch {
    /// The figure for a priority from 1 to 4; anything else counts as 4.
    pub fn of<T: Copy>(list: &[T; 4], priority: i32) -> T {
        let [one, two, three, four] = *list;
        match priority {
            1 => one,
            2 => two,
            3 => three,
            _ => four,
        }
    }

    /// The escalation mode for a category and priority.
    pub fn mode_for(&self, category: &str, priority: i32) -> Mode {
        self.mode_by_category.get(category).copied().unwrap_or_else(|| Self::of(&self.mode, priority))
    }

    /// Whether somebody other than police may go first.
    pub fn is_civil(&self, category: &str) -> bool {
        self.civil_categories.iter().any(|civil| {
            category == civil || category.strip_prefix(civil.as_str()).is_some_and(|rest| rest.starts_with('.'))
        })
    }
}
