//! The invented district: its rooms, posts, people, cars and cameras, the same for a given seed.
//!
//! Sizes are those of a real district (12 command rooms, 300 handhelds, 250 body cameras, 78 cars,
//! 73 mediators, 51 grids); every name is made up. Called by the seeding and by the play.

use super::tracks::{Gait, Spot};
use crate::words::dice::Dice;

/// Handheld terminals, one per field person.
pub const HANDHELDS: usize = 300;
/// Body-worn cameras, some of them spare in the dock.
pub const CAMERAS: usize = 250;
/// Patrol cars, each with a crew of two.
pub const CARS: usize = 78;
/// Mediators.
pub const MEDIATORS: usize = 73;
/// Grids, each with a chief who is a police officer.
pub const GRIDS: usize = 51;
/// Pairs patrolling on foot: whoever is left of the 300.
const FOOT_PAIRS: usize = (HANDHELDS - MEDIATORS - GRIDS - 2 * CARS) / 2;

/// Name of the root unit.
pub const CITY: &str = "常河市公安局";
/// Name of the district unit under it.
pub const COUNTY: &str = "云溪分局";
/// Fixed checkpoints directly under the district.
pub const CHECKPOINTS: [&str; 5] = ["云溪北卡口", "云溪东卡口", "云溪南卡口", "云溪西卡口", "湖滨大桥卡口"];

/// Command rooms: name, letters for user names, metres east and north of the centre.
const ROOMS: [(&str, &str, f64, f64); 12] = [
    ("城中", "cz", 200.0, 300.0),
    ("城东", "cd", 3_300.0, 500.0),
    ("城西", "cx", -3_400.0, -200.0),
    ("城南", "cn", 400.0, -3_300.0),
    ("城北", "cb", -300.0, 3_600.0),
    ("开发区", "kf", 6_600.0, -2_200.0),
    ("湖滨", "hb", 4_300.0, 4_700.0),
    ("瑶塘", "yt", 9_200.0, 2_400.0),
    ("汝林", "rl", -6_900.0, -4_600.0),
    ("直河", "zh", -7_400.0, 3_900.0),
    ("前丰", "qf", 3_000.0, -7_600.0),
    ("建安", "ja", -2_600.0, 7_700.0),
];

const SURNAMES: [&str; 40] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马",
    "罗", "梁", "宋", "郑", "谢", "韩", "唐", "冯", "于", "董", "萧", "程", "曹", "袁", "邓", "许", "傅", "沈", "曾",
    "彭", "蒋",
];
const GIVEN: [&str; 56] = [
    "伟", "芳", "娜", "敏", "静", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "霞", "平", "刚",
    "建国", "志强", "海燕", "晓明", "文博", "俊杰", "雨晨", "子轩", "思远", "佳怡", "春梅", "国栋", "立新", "学军",
    "永康", "卫东", "红梅", "丽华", "建华", "志远", "浩然", "天宇", "梦瑶", "欣怡", "嘉豪", "鹏飞", "振华", "晓东",
    "玉兰", "秀英", "金龙", "少华", "宏伟", "庆丰", "爱民", "长青", "新民",
];

/// What somebody does on this shift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Seat in a command room.
    Dispatcher,
    /// Looks on, for the whole district.
    Supervisor,
    /// Member of crew `crew`.
    Crew(usize),
    /// Chief of a grid.
    GridChief(String),
    /// Mediator of a room's area.
    Mediator,
    /// The 110 system.
    Intake,
    /// Left to whoever tries the demo; off duty until he signs on.
    Visitor,
}

/// One account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Login name.
    pub username: String,
    /// Name of the person.
    pub name: String,
    /// Person kind on the wire.
    pub kind: &'static str,
    /// Index of the room, none for the district itself.
    pub room: Option<usize>,
    /// Badge number, for police and auxiliaries.
    pub badge: Option<String>,
    /// What they do.
    pub part: Part,
}

/// One crew: a car with two, or a pair on foot.
#[derive(Clone, Debug)]
pub struct Crew {
    /// Call sign.
    pub call_sign: String,
    /// Number plate, none on foot.
    pub plate: Option<String>,
    /// Room.
    pub room: usize,
    /// User names, the lead first.
    pub members: Vec<String>,
}

/// One command room.
#[derive(Clone, Debug)]
pub struct Room {
    /// Name of the station's room.
    pub name: String,
    /// Its street posts.
    pub posts: Vec<String>,
    /// Where it stands.
    pub spot: Spot,
}

/// Everything the seeding creates and the play moves.
#[derive(Clone, Debug)]
pub struct District {
    /// Command rooms.
    pub rooms: Vec<Room>,
    /// Accounts apart from the administrator.
    pub accounts: Vec<Account>,
    /// Crews.
    pub crews: Vec<Crew>,
}

struct Drafting {
    dice: Dice,
    accounts: Vec<Account>,
    badge: u32,
}

impl Drafting {
    fn add(&mut self, username: String, kind: &'static str, room: Option<usize>, part: Part) -> String {
        let surname = self.dice.pick(&SURNAMES).copied().unwrap_or("王");
        let given = self.dice.pick(&GIVEN).copied().unwrap_or("明");
        let sworn = matches!(kind, "police_officer" | "auxiliary" | "dispatcher" | "supervisor");
        self.badge += 1;
        self.accounts.push(Account {
            username: username.clone(),
            name: format!("{surname}{given}"),
            kind,
            room,
            badge: sworn.then(|| format!("{}{:05}", if kind == "auxiliary" { "F" } else { "" }, self.badge)),
            part,
        });
        username
    }
}

/// `n` things dealt to the rooms as evenly as possible, the first rooms getting the rest.
fn dealt(n: usize, room: usize) -> usize {
    n / ROOMS.len() + usize::from(room < n % ROOMS.len())
}

impl District {
    /// The district of a seed.
    pub fn draft(seed: u64) -> Self {
        let mut work = Drafting { dice: Dice::new(seed).fork(11), accounts: Vec::new(), badge: 20_000 };
        let mut crews: Vec<Crew> = Vec::new();
        let mut rooms = Vec::new();
        work.add("intake110".to_owned(), "service_account", None, Part::Intake);
        work.add("duty".to_owned(), "dispatcher", None, Part::Dispatcher);
        work.add("supervisor".to_owned(), "supervisor", None, Part::Supervisor);
        for (room, (name, letters, x, y)) in ROOMS.iter().enumerate() {
            rooms.push(Room {
                name: format!("{name}派出所综合指挥室"),
                posts: (1..=2).map(|n| format!("{name}街面警务站{n}")).collect(),
                spot: Spot { x: *x, y: *y },
            });
            work.add(format!("room{:02}", room + 1), "dispatcher", Some(room), Part::Dispatcher);
            work.add(format!("room{:02}b", room + 1), "dispatcher", Some(room), Part::Dispatcher);
            let (cars, pairs) = (dealt(CARS, room), dealt(FOOT_PAIRS, ROOMS.len() - 1 - room));
            for n in 1..=cars + pairs {
                let crew = crews.len();
                let lead = work.add(format!("{letters}{n:02}a"), "police_officer", Some(room), Part::Crew(crew));
                let second = work.add(format!("{letters}{n:02}b"), "auxiliary", Some(room), Part::Crew(crew));
                let in_car = n <= cars;
                crews.push(Crew {
                    call_sign: if in_car {
                        format!("{name}{:03}", 300 + n)
                    } else {
                        format!("{name}步巡{}", n - cars)
                    },
                    plate: in_car.then(|| format!("苏D{:04}警", 1_000 + crew)),
                    room,
                    members: vec![lead, second],
                });
            }
            for n in 1..=dealt(GRIDS, room) {
                let grid = format!("{name}-{n:02}");
                work.add(format!("{letters}-grid{n}"), "grid_chief", Some(room), Part::GridChief(grid));
            }
            for n in 1..=dealt(MEDIATORS, room) {
                work.add(format!("{letters}-med{n}"), "mediator", Some(room), Part::Mediator);
            }
        }
        work.add("officer".to_owned(), "police_officer", Some(0), Part::Visitor);
        Self { rooms, accounts: work.accounts, crews }
    }

    /// Where a person's patrol begins: around the room, further out for those with wheels.
    pub fn anchor(&self, room: usize, gait: Gait, dice: &mut Dice) -> Spot {
        let reach = match gait {
            Gait::Car => 2_200.0,
            Gait::Bike => 1_500.0,
            Gait::Foot => 700.0,
        };
        let (angle, far) = (dice.between(0.0, std::f64::consts::TAU), reach * dice.unit().sqrt());
        let home = self.rooms.get(room).map_or(Spot { x: 0.0, y: 0.0 }, |r| r.spot);
        Spot { x: home.x + far * angle.cos(), y: home.y + far * angle.sin() }
    }

    /// The account of a user name.
    pub fn account(&self, username: &str) -> Option<&Account> {
        self.accounts.iter().find(|a| a.username == username)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_district_has_the_real_size() {
        let district = District::draft(1);
        let field = |a: &&Account| matches!(a.part, Part::Crew(_) | Part::GridChief(_) | Part::Mediator);
        assert_eq!(district.rooms.len(), 12);
        assert_eq!(district.accounts.iter().filter(field).count(), HANDHELDS);
        assert_eq!(district.accounts.iter().filter(|a| a.part == Part::Mediator).count(), MEDIATORS);
        assert_eq!(district.crews.iter().filter(|c| c.plate.is_some()).count(), CARS);
        assert_eq!(district.accounts.iter().filter(|a| matches!(a.part, Part::GridChief(_))).count(), GRIDS);
        let names: HashSet<_> = district.accounts.iter().map(|a| &a.username).collect();
        assert_eq!(names.len(), district.accounts.len());
        let signs: HashSet<_> = district.crews.iter().map(|c| &c.call_sign).collect();
        assert_eq!(signs.len(), district.crews.len());
    }

    #[test]
    fn the_same_seed_drafts_the_same_people() {
        let names = |seed| District::draft(seed).accounts.into_iter().map(|a| a.name).collect::<Vec<_>>();
        assert_eq!(names(5), names(5));
        assert_ne!(names(5), names(6));
    }
}
