//! Handwriting of any display and any clock, and what is none.

use proptest::prelude::*;

use super::*;

fn refused(strokes: &[Vec<Vec<f64>>]) -> (String, String) {
    let error = check(strokes).unwrap_err();
    let field = error.members().get("field").and_then(|field| field.as_str()).unwrap().to_owned();
    (field, error.detail_text().to_owned())
}

fn line(points: usize) -> Vec<Vec<f64>> {
    (0..points).map(|i| vec![i as f64, (i % 7) as f64, i as f64 * 4.0]).collect()
}

#[test]
fn a_signature_comes_into_a_box_of_a_thousand() {
    let strokes: Vec<Vec<Vec<f64>>> = serde_json::from_str(
        "[[[120.5,80,1000],[220.5,80,1016],[320.5,130,1040]],[[120.5,130,1500],[170.5,105,1510.4]]]",
    )
    .unwrap();
    let drawing = check(&strokes).unwrap();
    assert_eq!((drawing.width, drawing.height), (1000, 250));
    assert_eq!(drawing.strokes, [vec![[0, 0, 0], [500, 0, 16], [1000, 250, 40]], vec![[0, 250, 500], [250, 125, 510]]]);
    let wire = serde_json::to_string(&drawing).unwrap();
    assert_eq!(serde_json::from_str::<Drawing>(&wire).unwrap(), drawing);
}

#[test]
fn a_display_without_a_clock_is_a_display() {
    let strokes = vec![(0..10).map(|i| vec![f64::from(i) * 3.0, 5.0]).collect::<Vec<_>>()];
    let drawing = check(&strokes).unwrap();
    assert_eq!((drawing.width, drawing.height), (1000, 0));
    assert!(drawing.strokes[0].iter().all(|[_, y, t]| *y == 0 && *t == 0));
}

#[test]
fn any_clock_will_do_and_nobody_writes_for_an_hour() {
    let from = |start: f64, step: f64| {
        check(&[(0..10).map(|i| vec![f64::from(i) * 3.0, 5.0, f64::from(i) * step + start]).collect::<Vec<_>>()])
    };
    let day_time = from(1_795_000_000_000.0, 16.0).unwrap();
    assert_eq!(day_time, from(0.0, 16.0).unwrap());
    assert_eq!(day_time.strokes[0][9][2], 144);
    assert!(from(0.0, 400_000.0).is_ok());
    assert!(from(0.0, 400_001.0).unwrap_err().detail_text().contains("hour"));
}

#[test]
fn a_bomb_is_refused_by_its_size() {
    assert!(check(&vec![line(100); 200]).is_ok(), "20,000 points in 200 strokes");
    assert_eq!(refused(&vec![line(100); 201]).0, "strokes");
    assert!(check(&[line(20_000)]).is_ok());
    let (field, rule) = refused(&[line(20_001)]);
    assert_eq!(field, "strokes");
    assert!(rule.contains("20000"));
    assert_eq!(refused(&[line(1_000_000)]).0, "strokes");
}

#[test]
fn what_is_no_writing_is_refused_with_its_place() {
    assert!(refused(&[]).1.contains("empty"));
    assert!(refused(&[line(4)]).1.contains("hardly any"));
    assert!(refused(&[line(16)]).1.contains("dot"));
    assert!(check(&[line(17)]).is_ok());
    assert!(refused(&[vec![vec![50.0, 50.0, 0.0]; 30]]).1.contains("dot"), "a long press");
    assert_eq!(refused(&[line(20), vec![]]).0, "strokes/1");
    let with = |point: Vec<f64>| {
        let mut strokes = vec![line(20), line(20)];
        strokes[1][3] = point;
        refused(&strokes)
    };
    assert_eq!(with(vec![]).0, "strokes/1/3");
    assert!(with(vec![1.0]).1.contains("[x, y, t]"));
    assert!(with(vec![1.0, 2.0, 3.0, 4.0]).1.contains("[x, y, t]"));
    assert!(with(vec![f64::NAN, 2.0, 12.0]).1.contains("finite"));
    assert!(with(vec![1.0, f64::INFINITY, 12.0]).1.contains("finite"));
    assert!(with(vec![1.0, 2.0, f64::NAN]).1.contains("finite"));
    assert!(with(vec![1e9, 2.0, 12.0]).1.contains("display"));
    assert!(with(vec![1.0, 2.0, -1.0]).1.contains("milliseconds"));
    assert!(with(vec![1.0, 2.0, 1e16]).1.contains("milliseconds"));
    assert!(with(vec![1.0, 2.0, 1.0]).1.contains("before"));
}

proptest! {
    /// The same writing elsewhere on the display, larger or later, is the same drawing.
    #[test]
    fn place_size_and_start_do_not_matter(
        dots in prop::collection::vec((0_u16..800, 0_u16..300), 6..60),
        right in 0_u16..500, down in 0_u16..500, twice in any::<bool>(), late in 0_u16..9000,
    ) {
        let strokes = |factor: f64, x: f64, y: f64, t: f64| {
            vec![dots.iter().enumerate().map(|(i, (px, py))| {
                vec![f64::from(*px) * factor + x, f64::from(*py) * factor + y, i as f64 * 8.0 + t]
            }).collect::<Vec<_>>()]
        };
        let first = check(&strokes(1.0, 0.0, 0.0, 0.0));
        let factor = if twice { 2.0 } else { 1.0 };
        let second = check(&strokes(factor, f64::from(right), f64::from(down), f64::from(late)));
        if let Ok(first) = first {
            prop_assert!(first.width.max(first.height) == 1000);
            prop_assert!(first.strokes.iter().flatten().all(|[x, y, _]| *x <= first.width && *y <= first.height));
            prop_assert_eq!(second.unwrap(), first);
        }
    }

    #[test]
    fn nothing_breaks_it(strokes in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<f64>(), 0..5), 0..9), 0..9)) {
        let _ = check(&strokes).map(|drawing| assert!(drawing.width <= 1000 && drawing.height <= 1000));
    }
}
