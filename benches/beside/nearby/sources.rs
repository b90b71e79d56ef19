//! How each server is filled, asked and moved.

use futures_util::{SinkExt as _, StreamExt as _, stream};
use suixing::wiring::simulate::client::Session;
use suixing::words::dice::Dice;
use tokio_tungstenite::tungstenite::Message;

use super::{K, Target, place, tuned_radius_m};
use crate::Result;
use crate::socket::{self, Link};
use crate::world::{self, Server, now_us, stamp};
use crate::{http, pg, redis};

/// Officers who move at most: each has a socket of its own.
const MOVERS: usize = 2_000;
/// Rows or commands loaded at once.
const CHUNK: usize = 1_000;
/// Connections over which first reports come.
const REPORTERS: usize = 16;
/// Degrees of one step, at most: about a metre, so that nobody is impossibly quick.
const STEP: f64 = 1e-5;

/// A filled server.
pub enum Source {
    /// Ours.
    Suixing(Ours),
    /// Redis.
    Redis { address: String, people: usize },
    /// PostGIS.
    Postgis { address: String, people: usize },
}

/// What is known of our server once it is filled.
pub struct Ours {
    url: String,
    seats: Vec<String>,
    movers: Vec<(String, (f64, f64))>,
}

/// Puts everybody in.
pub async fn fill(target: Target, server: &Server, people: usize, updates: usize) -> Result<Source> {
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut dice = Dice::new(7);
    let places: Vec<(f64, f64)> = (0..people).map(|_| place(&mut dice)).collect();
    match target {
        Target::Suixing => {
            let crew = world::people(server, people, 0).await?;
            let url = server.url.clone();
            let officers: Vec<(&Session, (f64, f64))> = crew.terminals.iter().zip(places.iter().copied()).collect();
            let done: Vec<Result<()>> = stream::iter(officers.chunks(people.div_ceil(REPORTERS)))
                .map(|chunk| report(&url, chunk))
                .buffer_unordered(REPORTERS)
                .collect()
                .await;
            done.into_iter().collect::<Result<Vec<()>>>()?;
            let movers = people.min(MOVERS).min(updates.max(1));
            let tokens = world::bearers(&crew.terminals[..movers]).await?;
            let seats = world::bearers(&crew.dispatchers).await?;
            Ok(Source::Suixing(Ours { url, seats, movers: tokens.into_iter().zip(places).collect() }))
        }
        Target::Redis => {
            let mut conn = redis::Conn::open(&address).await?;
            conn.call(&["FLUSHALL"]).await?;
            for chunk in places.chunks(CHUNK).enumerate() {
                for (n, (lon, lat)) in chunk.1.iter().enumerate() {
                    let member = (chunk.0 * CHUNK + n).to_string();
                    conn.push(&["GEOADD", "people", &lon.to_string(), &lat.to_string(), &member]);
                }
                conn.flush().await?;
                for _ in chunk.1 {
                    conn.answer().await?;
                }
            }
            Ok(Source::Redis { address, people })
        }
        Target::Postgis => {
            let mut conn = pg::Conn::open(&address, "postgres").await?;
            conn.execute(
                "CREATE EXTENSION IF NOT EXISTS postgis; DROP TABLE IF EXISTS people; \
                 CREATE TABLE people (id int, place geometry(Point, 4326)) WITH (fillfactor = 80)",
            )
            .await?;
            for (n, chunk) in places.chunks(CHUNK * 10).enumerate() {
                let line = |(i, (lon, lat)): (usize, &(f64, f64))| {
                    format!("{}\tSRID=4326;POINT({lon} {lat})\n", n * CHUNK * 10 + i)
                };
                let lines: String = chunk.iter().enumerate().map(line).collect();
                conn.copy("people", lines.as_bytes()).await?;
            }
            conn.execute("ALTER TABLE people ADD PRIMARY KEY (id); CREATE INDEX ON people USING gist (place)").await?;
            conn.execute("VACUUM ANALYZE people").await?;
            Ok(Source::Postgis { address, people })
        }
    }
}

/// First report of some officers, one after the other.
async fn report(url: &str, officers: &[(&Session, (f64, f64))]) -> Result<()> {
    let mut conn = http::Conn::open(url).await?;
    for (session, (lon, lat)) in officers {
        let at = stamp(now_us());
        let body = format!(
            r#"{{"fixes":[{{"at":"{at}","lon":{lon:.7},"lat":{lat:.7},"accuracy_m":6,"next_within_s":3600}}]}}"#
        );
        conn.call("POST", "/positions", &session.bearer().await?, body.as_bytes()).await?;
    }
    Ok(())
}

impl Source {
    /// A connection that asks.
    pub async fn asker(&self) -> Result<Asker> {
        Ok(match self {
            Self::Suixing(ours) => {
                let conn = http::Conn::open(&ours.url).await?;
                Asker::Suixing { conn, bearer: ours.seats[0].clone() }
            }
            Self::Redis { address, people } => {
                Asker::Redis { conn: redis::Conn::open(address).await?, radius_m: tuned_radius_m(*people) }
            }
            Self::Postgis { address, .. } => {
                let mut conn = pg::Conn::open(address, "postgres").await?;
                let sql = format!(
                    "SELECT id, ST_X(place), ST_Y(place) FROM people \
                     ORDER BY place <-> ST_SetSRID(ST_MakePoint($1, $2), 4326) LIMIT {K}"
                );
                conn.prepare("near", &sql, 2).await?;
                Asker::Postgis { conn }
            }
        })
    }

    /// What moves people.
    pub async fn mover(&self, rate: usize) -> Result<Mover> {
        Ok(match self {
            Self::Suixing(ours) => {
                let url = &ours.url;
                let mut links = Vec::new();
                let mut dialling = stream::iter(ours.movers.iter().take(rate))
                    .map(|(token, place)| async move {
                        let link = socket::dial_ours(url, token, "suixing.v1.json", socket::QUIET).await;
                        link.map(|link| (link, *place))
                    })
                    .buffer_unordered(32);
                while let Some(dialled) = dialling.next().await {
                    links.push(dialled?);
                }
                Mover::Suixing {
                    officers: links.into_iter().map(|(link, place)| Officer::new(link, place)).collect(),
                    next: 0,
                }
            }
            Self::Redis { address, people } => {
                Mover::Redis { conn: redis::Conn::open(address).await?, people: *people }
            }
            Self::Postgis { address, people } => {
                let mut conn = pg::Conn::open(address, "postgres").await?;
                // Its commits need not wait for the disk here: only the queries are measured.
                conn.execute("SET synchronous_commit = off").await?;
                let sql = "UPDATE people SET place = ST_SetSRID(ST_MakePoint($2, $3), 4326) WHERE id = $1::int";
                conn.prepare("move", sql, 3).await?;
                Mover::Postgis { conn, people: *people }
            }
        })
    }
}

/// One connection that asks who is near.
pub enum Asker {
    /// Ours.
    Suixing { conn: http::Conn, bearer: String },
    /// Redis.
    Redis { conn: redis::Conn, radius_m: f64 },
    /// PostGIS.
    Postgis { conn: pg::Conn },
}

impl Asker {
    /// Asks once; an answer with fewer than wanted is a failure, or for Redis a second, wider question.
    pub async fn ask(&mut self, (lon, lat): (f64, f64)) -> Result<()> {
        let found = match self {
            Self::Suixing { conn, bearer } => {
                let body = conn.call("GET", &format!("/nearby?lon={lon:.6}&lat={lat:.6}&k={K}"), bearer, b"").await?;
                body.windows(12).filter(|part| part == b"\"person_id\":").count()
            }
            Self::Redis { conn, radius_m } => {
                let (lon, lat, count) = (lon.to_string(), lat.to_string(), K.to_string());
                let mut radius = *radius_m;
                loop {
                    let metres = radius.to_string();
                    let words = [
                        "GEOSEARCH",
                        "people",
                        "FROMLONLAT",
                        &lon,
                        &lat,
                        "BYRADIUS",
                        &metres,
                        "m",
                        "ASC",
                        "COUNT",
                        &count,
                        "WITHDIST",
                        "WITHCOORD",
                    ];
                    let found = conn.call(&words).await?;
                    if found >= K {
                        break found;
                    }
                    radius *= 2.0;
                }
            }
            Self::Postgis { conn } => {
                conn.push("near", &[lon, lat]);
                conn.flush().await?;
                conn.ready().await?
            }
        };
        if found == K { Ok(()) } else { Err(format!("{found} people instead of {K}").into()) }
    }
}

/// An officer who reports small steps on a socket.
pub struct Officer {
    link: futures_util::stream::SplitSink<Link, Message>,
    place: (f64, f64),
    n: u64,
}

impl Officer {
    fn new(link: Link, place: (f64, f64)) -> Self {
        let (link, mut answers) = link.split();
        tokio::task::spawn_local(async move { while let Some(Ok(_)) = answers.next().await {} });
        Self { link, place, n: 0 }
    }

    async fn step(&mut self, dice: &mut Dice) -> Result<()> {
        self.n += 1;
        self.place.0 += dice.between(-STEP, STEP);
        self.place.1 += dice.between(-STEP, STEP);
        let (at, (lon, lat)) = (stamp(now_us()), self.place);
        let text = format!(
            r#"{{"type":"fixes","n":{},"fixes":[{{"at":"{at}","lon":{lon:.7},"lat":{lat:.7},"accuracy_m":6,"next_within_s":3600}}]}}"#,
            self.n
        );
        Ok(self.link.send(Message::text(text)).await?)
    }
}

/// What moves people.
pub enum Mover {
    /// Ours: officers take turns.
    Suixing { officers: Vec<Officer>, next: usize },
    /// Redis: one pipelined connection.
    Redis { conn: redis::Conn, people: usize },
    /// PostGIS: one pipelined connection.
    Postgis { conn: pg::Conn, people: usize },
}

impl Mover {
    /// Moves so many people.
    pub async fn update(&mut self, dice: &mut Dice, count: usize) -> Result<()> {
        match self {
            Self::Suixing { officers, next } => {
                let size = officers.len();
                for _ in 0..count {
                    officers[*next % size].step(dice).await?;
                    *next += 1;
                }
            }
            Self::Redis { conn, people } => {
                for _ in 0..count {
                    let ((lon, lat), member) = (place(dice), dice.below(*people).to_string());
                    conn.push(&["GEOADD", "people", &lon.to_string(), &lat.to_string(), &member]);
                }
                conn.flush().await?;
                for _ in 0..count {
                    conn.answer().await?;
                }
            }
            Self::Postgis { conn, people } => {
                for _ in 0..count {
                    let (lon, lat) = place(dice);
                    conn.push("move", &[dice.below(*people) as f64, lon, lat]);
                }
                conn.flush().await?;
                for _ in 0..count {
                    conn.ready().await?;
                }
            }
        }
        Ok(())
    }
}
