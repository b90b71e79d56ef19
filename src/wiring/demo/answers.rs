//! The human behind a pretended terminal: what is done after an offer or an alert, and when.
//!
//! Second half of [`Handset`]; `handset` is the device, this is the hand. Called by it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::desk::Job;
use super::handset::{Handset, Sort, place_of};
use super::play::News;
use super::snapshot;
use super::tracks::Spot;
use crate::wiring::simulate::client::{first_text, stamp};

/// Something a human will do.
pub(super) enum Act {
    Take(Job),
    Rung(String, &'static str, Option<&'static str>),
    SetOff(Job),
    Arrive(Job),
    Feedback(Job, &'static str),
    Photograph(Job),
    Leave(Job),
    BackupGo(String, Option<Spot>),
    BackupNo(String),
    BackupThere(String),
    Home,
}

impl Handset {
    pub(super) fn offered(&mut self, data: &Value) {
        let Some(job) = Job::read(data) else { return };
        match self.sort {
            Sort::First => self.later(2.0, 9.0, Act::Take(job)),
            Sort::Second => self.later(14.0, 30.0, Act::Take(job)),
            Sort::Vehicle => {}
        }
    }

    pub(super) fn alerted(&mut self, data: &Value) {
        let id = first_text(data, &["/backup_id", "/backup/id", "/id"]).to_owned();
        if id.is_empty() || self.sort != Sort::First || !self.desk.hears(&id) {
            return;
        }
        if self.desk.is_busy() || self.dice.chance(0.2) {
            self.later(3.0, 10.0, Act::BackupNo(id));
        } else {
            let place = ["/destination", "/place", "/location"].iter().find_map(|p| place_of(data.pointer(p)?));
            self.later(2.0, 8.0, Act::BackupGo(id, place));
        }
    }

    pub(super) fn rung(&mut self, assignment: &str, event: &str, reason: Option<&str>) {
        let mut frame = json!({
            "type": "assignment_event",
            "request_id": uuid::Uuid::now_v7().to_string(),
            "assignment_id": assignment,
            "event": event,
            "at": stamp(),
        });
        if let (Some(frame), Some(reason)) = (frame.as_object_mut(), reason) {
            frame.insert("reason".to_owned(), json!(reason));
        }
        self.outbox.push_back(frame);
        self.play.count("rungs");
    }

    pub(super) fn backup_says(&mut self, backup: &str, answer: &str) {
        self.outbox.push_back(json!({
            "type": "backup_response",
            "request_id": uuid::Uuid::now_v7().to_string(),
            "backup_id": backup,
            "answer": answer,
        }));
    }

    pub(super) fn act(&mut self, act: Act) {
        let clock = self.play.clock();
        match act {
            Act::Take(job) => {
                if !self.desk.hears(&job.assignment) {
                    return;
                }
                self.rung(&job.assignment, "viewed", None);
                let assignment = job.assignment.clone();
                self.later(2.0, 9.0, Act::Rung(assignment.clone(), "accepted", None));
                if self.desk.start(&job) {
                    self.later(10.0, 28.0, Act::SetOff(job));
                } else {
                    self.later(10.0, 18.0, Act::Rung(assignment, "queued", Some("前一起警情处置中")));
                }
            }
            Act::Rung(assignment, event, reason) => self.rung(&assignment, event, reason),
            Act::SetOff(job) => {
                if !self.desk.has(&job.assignment) {
                    return;
                }
                self.rung(&job.assignment, "en_route", None);
                let seconds = job.spot.map_or(60.0, |spot| self.desk.go(clock, spot)).min(900.0);
                let due = Instant::now() + Duration::from_secs_f64(seconds + self.dice.between(1.0, 6.0));
                self.plan.push((due, Act::Arrive(job)));
            }
            Act::Arrive(job) => {
                if !self.desk.has(&job.assignment) {
                    return;
                }
                self.desk.halt(clock);
                if self.dice.chance(0.1) {
                    let person = self.session.person_id.to_string();
                    let assignment = job.assignment.clone();
                    self.play.tell(News::SaysOnScene { assignment, person, room: self.desk.room });
                } else {
                    self.rung(&job.assignment, "on_scene", None);
                }
                self.later(15.0, 50.0, Act::Feedback(job.clone(), "first"));
                for _ in 0..self.dice.below(4) {
                    self.later(6.0, 60.0, Act::Photograph(job.clone()));
                }
                self.later(70.0, 200.0, Act::Leave(job));
            }
            Act::Feedback(job, stage) => self.feed_back(job, stage),
            Act::Photograph(job) => self.photograph(job),
            Act::Leave(job) => {
                if !self.desk.has(&job.assignment) {
                    return;
                }
                self.rung(&job.assignment, "cleared", None);
                self.later(8.0, 25.0, Act::Feedback(job.clone(), "final"));
                match self.desk.finish(&job.assignment) {
                    Some(next) => self.later(6.0, 15.0, Act::SetOff(next)),
                    None => self.later(10.0, 30.0, Act::Home),
                }
            }
            Act::BackupGo(backup, place) => {
                self.backup_says(&backup, "coming");
                if let Some(place) = place {
                    let seconds = self.desk.go(clock, place).min(600.0);
                    let due = Instant::now() + Duration::from_secs_f64(seconds + 2.0);
                    self.plan.push((due, Act::BackupThere(backup)));
                }
            }
            Act::BackupNo(backup) => self.backup_says(&backup, "declined"),
            Act::BackupThere(backup) => {
                self.desk.halt(clock);
                self.backup_says(&backup, "arrived");
                self.later(40.0, 90.0, Act::Home);
            }
            Act::Home => {
                if !self.desk.is_busy() {
                    self.desk.resume(clock);
                }
            }
        }
    }

    /// Takes a picture of the scene and delivers it for the call.
    fn photograph(&mut self, job: Job) {
        let (session, play) = (self.session.clone(), self.play.clone());
        let label = self.dice.draw();
        let dice = self.dice.fork(label);
        tokio::spawn(async move {
            let at = stamp();
            let Ok(picture) = tokio::task::spawn_blocking(move || snapshot::jpeg(dice)).await else { return };
            let described = [
                ("filename", "现场照片.jpg"),
                ("kind", "photo"),
                ("captured_at", at.as_str()),
                ("incident_id", job.incident.as_str()),
                ("assignment_id", job.assignment.as_str()),
            ];
            match session.deliver(picture, &described).await {
                Ok(()) => _ = play.count("photos"),
                Err(trouble) => play.trouble("photo", &trouble),
            }
        });
    }

    pub(super) fn feed_back(&mut self, job: Job, stage: &'static str) {
        let words: &[&str] = match stage {
            "first" => &["已到现场，正在了解情况。", "双方已分开，正在询问。", "已控制现场，无人员伤亡。"],
            _ => &[
                "经现场调解，双方达成一致。",
                "情况属实，已依法处置。",
                "已移交办案单位继续处理。",
                "求助人已得到帮助。",
            ],
        };
        let words = self.dice.pick(words).copied().unwrap_or_default();
        let mut body = json!({"stage": stage, "text": words, "assignment_id": job.assignment});
        if let (Some(body), "final") = (body.as_object_mut(), stage) {
            body.insert("result_code".to_owned(), json!("01"));
            body.insert("resolved_on_scene".to_owned(), json!(self.dice.chance(0.85)));
        }
        let (session, play, room) = (self.session.clone(), self.play.clone(), self.desk.room);
        tokio::spawn(async move {
            match session.post(&format!("/incidents/{}/feedbacks", job.incident), &body).await {
                Ok(_) => _ = play.count("feedbacks"),
                Err(trouble) => play.trouble("feedback", &trouble),
            }
            if stage == "final" {
                play.tell(News::FedBack { incident: job.incident, room });
            }
        });
    }
}
