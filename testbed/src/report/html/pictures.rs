//! A picture of each camera, as who plays it decoded it.

use serde::Serialize;

use super::super::course::{Course, Pictured};

/// Most pictures of a page: some 20 kB each.
const SHOWN: usize = 64;

#[derive(Serialize)]
pub(super) struct Pictures {
    shown: Vec<Shown>,
    unshown: usize,
}

#[derive(Serialize)]
struct Shown {
    camera: String,
    at: String,
    jpeg: String,
}

/// `None` if there is none.
pub(super) fn pictures(course: &Course) -> Option<Pictures> {
    let all = &course.pictures;
    let shown =
        |one: &Pictured| Shown { camera: one.camera.clone(), at: one.at.to_string(), jpeg: one.jpeg.clone() };
    let shown: Vec<_> = all.iter().take(SHOWN).map(shown).collect();
    (!shown.is_empty()).then(|| Pictures { unshown: all.len() - shown.len(), shown })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_so_many_pictures_and_no_more() {
        let one = Pictured { camera: "door".into(), at: "app".parse().unwrap(), jpeg: "/9j/".into() };
        let of = |count| pictures(&Course { pictures: vec![one.clone(); count], ..Course::default() });
        assert!(of(0).is_none());
        let many = of(SHOWN + 3).unwrap();
        assert_eq!((many.shown.len(), many.unshown), (SHOWN, 3));
    }
}
