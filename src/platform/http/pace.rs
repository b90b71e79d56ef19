//! How much a connection reads before what came is handled. Little as a rule: the buffers below keep the size of the
//! largest burst for as long as a connection lives. A handler that takes a large body asks for more while it does.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::HttpRequest;

/// One KiB more and actix-http would double its buffer of 8 KiB, and keep it.
pub const CALM: usize = 7 * 1024;
/// While a large body comes.
pub const HURRIED: usize = 63 * 1024;

/// The pace of one connection, in the connection's data.
#[derive(Default)]
pub struct Pace {
    bodies: Cell<usize>,
}

impl Pace {
    /// Bytes read in one turn.
    pub fn at_once(&self) -> usize {
        if self.bodies.get() > 0 { HURRIED } else { CALM }
    }
}

/// The request's connection reads more at once until this is dropped.
pub struct Hurry(Option<Rc<Pace>>);

impl Hurry {
    /// Begins.
    pub fn of(request: &HttpRequest) -> Self {
        let pace = request.conn_data::<Rc<Pace>>().map(Rc::clone);
        if let Some(pace) = &pace {
            pace.bodies.set(pace.bodies.get() + 1);
        }
        Self(pace)
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        if let Some(pace) = &self.0 {
            pace.bodies.set(pace.bodies.get().saturating_sub(1));
        }
    }
}
