//! Every table, in the subset of types that both databases share. One file per
//! slice, named after it; `tests/migrations.rs` selects from each on both.

mod assignments;
// Its first table has the slice's own name.
#[path = "backup.rs"]
mod backup_duty;
mod crews;
#[path = "evidence.rs"]
mod evidence_duty;
mod incidents;
mod inquiries;
mod location;
mod officers;
mod platform;
mod recordings;

pub use assignments::*;
pub use backup_duty::*;
pub use crews::*;
pub use evidence_duty::*;
pub use incidents::*;
pub use inquiries::*;
pub use location::*;
pub use officers::*;
pub use platform::*;
mod keeping;
pub use keeping::*;
pub use recordings::*;

diesel::allow_tables_to_appear_in_same_query!(card, unit);
diesel::allow_tables_to_appear_in_same_query!(backup, unit);
diesel::allow_tables_to_appear_in_same_query!(mediation, incident_person);
diesel::allow_tables_to_appear_in_same_query!(mediation, incident);

mod media;
// Its first table has the slice's own name.
#[path = "mediation.rs"]
mod mediation_duty;
mod numbers;
mod scene;
pub use media::*;
pub use mediation_duty::*;
pub use numbers::*;
pub use scene::*;
mod partners;
pub use partners::*;
