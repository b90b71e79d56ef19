//! A unit made for one test, and the people made in it.

use super::{Officer, PASSWORD, TestApp};
use serde_json::{Value, json};
use std::f64::consts::PI;

/// One unit with a patch of ground of its own, far from other tests' units.
#[derive(Clone)]
pub struct Unit {
    /// The server it is on.
    pub app: TestApp,
    /// Its id.
    pub id: String,
    /// Longitude and latitude of its middle, degrees WGS-84.
    pub center: (f64, f64),
    admin: Officer,
    number: u32,
}

impl Unit {
    pub(super) async fn make(admin: &Officer, body: Value, number: u32) -> Self {
        let made = admin.post("/units", body).await.expect(201);
        // 0.3 degrees apart: no two tests' people are near each other.
        let center = (100.0 + 0.3 * f64::from(number % 60), 24.0 + 0.3 * f64::from(number / 60 % 60));
        Self { app: admin.app.clone(), id: made.id(), center, admin: admin.clone(), number }
    }

    /// The place `east` and `north` metres from this unit's middle.
    pub fn near(&self, east: f64, north: f64) -> (f64, f64) {
        let (lon, lat) = self.center;
        let metre = 180.0 / (PI * 6_371_008.8);
        (lon + east * metre / (lat * PI / 180.0).cos(), lat + north * metre)
    }

    /// A unit below this one, on the same ground.
    pub async fn child(&self, name: &str, kind: &str) -> Self {
        let body = json!({ "name": name, "kind": kind, "parent_id": self.id });
        let made = Self::make(&self.admin, body, self.number).await;
        Self { center: self.center, ..made }
    }

    /// A police officer of this unit, logged in on a handheld, off duty.
    pub async fn officer(&self, name: &str) -> Officer {
        self.person(name, "police_officer").await.login_handheld().await
    }

    /// A dispatcher of this unit's room, logged in on a browser.
    pub async fn dispatcher(&self, name: &str) -> Officer {
        self.person(name, "dispatcher").await.login_browser().await
    }

    /// A supervisor of this unit, logged in on a browser.
    pub async fn supervisor(&self, name: &str) -> Officer {
        self.person(name, "supervisor").await.login_browser().await
    }

    /// An administrator of this unit, logged in on a browser.
    pub async fn administrator(&self, name: &str) -> Officer {
        self.person(name, "administrator").await.login_browser().await
    }

    /// A service account of this unit (the 110 intake), logged in.
    pub async fn service(&self, name: &str) -> Officer {
        self.person(name, "service_account").await.login_browser().await
    }

    /// A person of any kind, logged in on a handheld.
    pub async fn member(&self, name: &str, kind: &str) -> Officer {
        self.person(name, kind).await.login_handheld().await
    }

    /// A person of any kind, made but not logged in.
    pub async fn person(&self, name: &str, kind: &str) -> Officer {
        // The end of a UUIDv7 is random.
        let mark = uuid::Uuid::now_v7().simple().to_string().split_off(22);
        let username = format!("{name}-{mark}");
        let body = json!({
            "username": username, "password": PASSWORD, "name": name, "kind": kind,
            "unit_id": self.id, "badge_no": format!("B{mark}"),
        });
        let made = self.admin.post("/people", body).await.expect(201);
        Officer::unauthenticated(&self.app, &made.id(), &username, PASSWORD)
    }

    /// The administrator who made this unit.
    pub fn admin(&self) -> &Officer {
        &self.admin
    }
}
