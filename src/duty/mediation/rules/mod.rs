//! What the law says of mediations: who may be mediated, by whom, who signs what, by when, and what follows. Pure; asked
//! by the slice's service and jobs. Local time of the law is Asia/Shanghai.
//!
//! ```text
//! calendar     working days, from data                          Calendar::builtin  with  is_working  add_working_days
//! clocks       the dates that follow from a date                first_due  second_due  judicial_confirmation_until  performance
//! law          articles, numbers, texts by date of effect       Laws::builtin  on  Law
//! eligibility  may these people be mediated now, and if not why eligible  missing  statutory_fields
//! states       where a record stands and what moves it          next  who  steps_from
//! signing      who signs, in which form, what still lacks       required  check_mark  standing
//! strokes      what a handwritten signature may hold            check
//! identity     documents that show who somebody is              check  mask  age_on
//! vocabulary   the words of the facts that decide
//! ```
//!
//! Nothing here decides by itself which version of the law applies: the caller asks [`law::Laws::on`] with the day of the
//! act in question, so that a record of last year is still judged by the law of last year.

pub mod calendar;
pub mod clocks;
pub mod eligibility;
pub mod identity;
pub mod law;
pub mod signing;
pub mod states;
pub mod strokes;
pub mod vocabulary;

pub use super::Kind;
pub use calendar::Calendar;
pub use eligibility::{Facts, Finding, PartyFacts, eligible, missing, statutory_fields};
pub use identity::{Identity, IdentityKind};
pub use law::{Law, Laws, Reason};
pub use signing::{SignStatus, Standing};
pub use states::{State, Step, Who};
pub use vocabulary::{Ground, LeaderKind, Level, Nature, PartyRole, SaidBar};

// The surface:
//
//   calendar     Calendar::builtin() -> Result<Calendar>
//                Calendar::with(&self, more: &str) -> Result<Calendar>          an operator's file: whole years, replaces ours
//                is_working(Date) -> bool     knows(year: i16) -> bool          of a year it does not know weekends alone count
//                add_working_days(from: Date, n: u16) -> Date                   `from` not counted, the last day belongs to it
//                rolled(Date) -> Date                                           the first working day from it on
//                end_of(Date) -> Timestamp    start_of(Date) -> Timestamp    date_of(Timestamp) -> Date        (free functions)
//   law          Laws::builtin() -> Result<&'static Laws>    Laws::on(&self, Date) -> Result<&Law>
//                Law::kind(Kind) -> Result<&KindLaw>    Law::reason(Reason) -> Result<&ReasonLaw>
//                KindLaw { basis, document, copies, needs_seal, oral_allowed, video_only, rounds, natures, bars, leaders, fields, .. }
//   clocks       Due { on: Date, at: Timestamp, article: String, certain: bool }
//                first_due(&Law, &Calendar, Date) -> Due        second_due(&Law, &Calendar, first_session: Date) -> Due
//                judicial_confirmation_until(&Law, &Calendar, effective: Date) -> Due
//                finish_due(&Law, Kind, &Calendar, accepted: Date) -> Result<Option<Due>>      people: one month
//                may_sit_again(&Law, Kind, rounds_held: u32) -> Result<bool>
//                performance(&Law, due_on: Date) -> Performance { reminders: Vec<Timestamp>, due, overdue: Vec<Timestamp> }
//   eligibility  eligible(&Law, &Facts) -> Result<Vec<Finding>>
//                missing(&Law, Kind, present: &dyn Fn(&str) -> bool) -> Result<Vec<Finding>>
//                statutory_fields(&Law, Kind) -> Result<&[FieldLaw]>
//                may_begin(&[Finding])  may_sign(&[Finding])  may_take_effect(&[Finding]) -> bool
//                Finding { code: Reason, level: Level, article, subject: Option<Uuid>, field: Option<String>, en, zh, overridable }
//   states       next(Kind, State, Step) -> Result<Option<State>>    who(Step) -> Who    steps_from(Kind, State) -> Vec<Step>
//   signing      required(Kind, &Roster) -> Vec<Signer>    check_mark(&KindLaw, &Mark, parties: &[Uuid]) -> Result<()>
//                standing(&[Signer], &[Given], current_hash: &str) -> Standing { complete, missing, fallen, blocked_by }
//   strokes      check(&[Vec<Vec<f64>>]) -> Result<Drawing { width, height, strokes: Vec<Vec<[u32; 3]>> }>
//   identity     check(IdentityKind, number: &str, today: Date) -> Result<Identity { number, birth_date, sex }>
//                age_on(birth: Date, day: Date) -> Option<u16>

#[cfg(test)]
mod tests {
    use super::*;
    use crate::duty::mediation::record::fields;

    /// The words of a `text_enum!`.
    macro_rules! words {
        ($name:ty) => {
            <$name>::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>()
        };
    }

    #[test]
    fn the_words_are_those_of_the_record() {
        assert_eq!(words!(Nature), fields::NATURES);
        assert_eq!(words!(Ground), fields::GROUNDS);
        assert_eq!(words!(SaidBar), fields::BARS);
        assert_eq!(words!(PartyRole), fields::PARTY_ROLES);
        assert_eq!(words!(identity::Sex), fields::SEXES);
        for document in fields::ID_TYPES {
            assert!(words!(IdentityKind).contains(document), "{document}");
        }
    }

    #[test]
    fn what_the_law_asks_for_are_fields_of_the_record() {
        for law in Laws::builtin().unwrap().versions() {
            for kind in Kind::ALL {
                for row in &law.kind(*kind).unwrap().fields {
                    for name in std::iter::once(&row.field).chain(&row.or) {
                        assert!(fields::FIELDS.iter().any(|field| field.name == name), "{name}");
                    }
                }
            }
        }
    }
}
