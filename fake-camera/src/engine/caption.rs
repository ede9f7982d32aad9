//! What a drawn picture tells a human: the camera's name, which picture it is, and its time, in two lines of light letters on a
//! dark box in the lower left corner.
//!
//! Only the box is drawn into. It lies below the moving square, and the code is at the top, so that neither is touched: a
//! third of the picture is free there, which every [`Size`] has room in.

use embedded_graphics::Drawable;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point};
use embedded_graphics::mono_font::iso_8859_1::{FONT_8X13, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::{Gray8, GrayColor};
use embedded_graphics::prelude::Pixel;
use embedded_graphics::text::{Baseline, Text};
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::Size;
use super::encode::frame_time;
use crate::clip::PICTURES;

/// Luma of the box and of its letters: the ends of the video range (ITU-R BT.601).
const DARK: u8 = 16;
const LIGHT: u8 = 235;
/// What is at the end of a line that was cut.
const CUT: &str = "...";

/// Which pictures the second line tells apart.
#[derive(Clone, Copy, Debug)]
pub(super) enum Counted {
    /// Those of a clip, which come again: index and time within it, at this many a second.
    Repeated { fps: u32 },
    /// All of a session: frame number and time of day, by a clock that is so many seconds ahead.
    Live { clock_offset: i64 },
}

impl Counted {
    /// The second line for frame `number`, drawn now.
    pub(super) fn line(self, number: u64) -> String {
        match self {
            Self::Repeated { fps } => {
                let index = number % u64::from(PICTURES);
                // To the nearest millisecond: it is rounded up to whole nanoseconds.
                let millis = (frame_time(index, fps).nseconds() + 500_000) / 1_000_000;
                format!("picture {index:02} of {PICTURES}, {}.{:03} s", millis / 1000, millis % 1000)
            }
            Self::Live { clock_offset } => {
                let now = OffsetDateTime::now_utc().saturating_add(Duration::seconds(clock_offset));
                format!("{} frame {number}", rfc3339(now))
            }
        }
    }
}

/// UTC with milliseconds (RFC 3339, section 5.6).
fn rfc3339(time: OffsetDateTime) -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    time.format(form).unwrap_or_default()
}

/// Draws lines into a luma plane without filling; what the letters lack becomes `?`, what is too long for the picture ends in
/// three dots.
pub(super) fn draw(luma: &mut [u8], size: Size, lines: [&str; 2]) {
    let letters = Letters::for_size(size);
    let lines = lines.map(|line| letters.fit(line));
    let mut area = letters.area(luma, size, &lines);
    area.darken();
    let style = MonoTextStyle::new(letters.font, Gray8::new(LIGHT));
    for (nth, line) in lines.iter().enumerate() {
        let place = Point::new(letters.padding() as i32, (letters.padding() + nth * letters.height()) as i32);
        let Ok(_) = Text::with_baseline(line, place, style, Baseline::Top).draw(&mut area);
    }
}

/// Letters for pictures of one size; lengths are in pixels of the font, each of which is `scale` wide and high.
struct Letters {
    font: &'static MonoFont<'static>,
    scale: usize,
    columns: usize,
}

impl Letters {
    fn for_size(size: Size) -> Self {
        let (width, height) = (size.width(), size.height());
        let (font, scale) = match (height / 360).min(width / 400) {
            0 if width < 400 || height < 144 => (&FONT_8X13, 1),
            scale => (&FONT_10X20, scale.max(1)),
        };
        let letters = Self { font, scale, columns: 0 };
        let columns = (width / scale - 2 * letters.padding()) / letters.width();
        Self { columns, ..letters }
    }

    fn width(&self) -> usize {
        (self.font.character_size.width + self.font.character_spacing) as usize
    }

    fn height(&self) -> usize {
        self.font.character_size.height as usize
    }

    /// Between the box's edge and the letters, on each side.
    fn padding(&self) -> usize {
        self.height() / 5
    }

    /// What of a line is drawn.
    fn fit(&self, line: &str) -> String {
        let known = |letter| if matches!(letter, ' '..='~' | '\u{a0}'..='\u{ff}') { letter } else { '?' };
        let mut letters: Vec<char> = line.chars().take(self.columns + 1).map(known).collect();
        if letters.len() > self.columns {
            letters.truncate(self.columns - CUT.len());
            letters.extend(CUT.chars());
        }
        letters.into_iter().collect()
    }

    fn area<'a>(&self, luma: &'a mut [u8], size: Size, lines: &[String; 2]) -> Area<'a> {
        let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let (width, height) =
            (longest * self.width() + 2 * self.padding(), lines.len() * self.height() + 2 * self.padding());
        let top = size.height() - height * self.scale;
        let rows = &mut luma[top * size.width()..size.width() * size.height()];
        Area { rows, stride: size.width(), width, height, scale: self.scale }
    }
}

/// The box: the lowest rows of a picture, from the left.
struct Area<'a> {
    rows: &'a mut [u8],
    stride: usize,
    width: usize,
    height: usize,
    scale: usize,
}

impl Area<'_> {
    fn darken(&mut self) {
        for row in self.rows.chunks_exact_mut(self.stride) {
            row[..self.width * self.scale].fill(DARK);
        }
    }

    /// One pixel of the font; what is outside of the box is left out.
    fn set(&mut self, Point { x, y }: Point, luma: u8) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height {
            return;
        }
        for row in self.rows.chunks_exact_mut(self.stride).skip(y * self.scale).take(self.scale) {
            row[x * self.scale..][..self.scale].fill(luma);
        }
    }
}

impl OriginDimensions for Area<'_> {
    fn size(&self) -> embedded_graphics::geometry::Size {
        embedded_graphics::geometry::Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Area<'_> {
    type Color = Gray8;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Gray8>>>(&mut self, pixels: I) -> Result<(), Self::Error> {
        pixels.into_iter().for_each(|Pixel(point, colour)| self.set(point, colour.luma()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::code;

    const SIZES: [&str; 9] =
        ["320x96", "328x96", "320x240", "640x96", "640x360", "1280x720", "1920x1080", "3840x96", "3840x2160"];

    /// Rows and columns that drawing these lines changes.
    fn changed(size: Size, lines: [&str; 2]) -> (Vec<usize>, usize) {
        let mut luma = vec![90; size.width() * size.height()];
        draw(&mut luma, size, lines);
        let rows = luma.chunks_exact(size.width()).enumerate();
        let rows: Vec<_> = rows.filter(|(_, row)| row.iter().any(|luma| *luma != 90)).collect();
        let width = |row: &[u8]| row.iter().rposition(|luma| *luma != 90).map_or(0, |last| last + 1);
        let widest = rows.iter().map(|(_, row)| width(row)).max().unwrap_or(0);
        (rows.into_iter().map(|(at, _)| at).collect(), widest)
    }

    #[test]
    fn the_box_of_every_size_is_below_code_and_square_and_has_room_for_time_and_number() {
        for size in SIZES {
            let size: Size = size.parse().unwrap();
            let (width, height) = (size.width(), size.height());
            let long = "W".repeat(10_000);
            let (rows, widest) = changed(size, [&long, "x"]);
            assert!(
                rows[0] >= height / 2 + height / 6 && rows[0] >= 2 * code::square(width).unwrap(),
                "{size}"
            );
            assert_eq!(*rows.last().unwrap(), height - 1, "{size}");
            assert!(widest <= width && widest > width * 9 / 10, "{size}: {widest}");
            let line = format!("{} frame 12345678", rfc3339(OffsetDateTime::UNIX_EPOCH));
            assert_eq!(Letters::for_size(size).fit(&line), line, "{size}");
            let (_, widest) = changed(size, ["gate", "x"]);
            assert!(widest < width / 6, "{size}: a short text has a small box, not {widest}");
        }
    }

    #[test]
    fn letters_that_are_not_there_and_those_too_many_are_told_from_others() {
        let small = Letters::for_size(Size::new(320, 96).unwrap());
        assert_eq!(small.columns, 39);
        for (text, drawn) in [
            ("gate 7", "gate 7".to_owned()),
            ("Tür \u{1f6aa}\n\t日本", "Tür ?????".to_owned()),
            ("", String::new()),
            (&"n".repeat(39), "n".repeat(39)),
            (&"é".repeat(40), "é".repeat(36) + "..."),
        ] {
            assert_eq!(small.fit(text), drawn);
        }
        // Each known letter has a picture of its own, other than `?`.
        let size = Size::new(320, 96).unwrap();
        let of = |text: &str| {
            let mut luma = vec![90; 320 * 96];
            draw(&mut luma, size, [text, ""]);
            luma
        };
        for letter in ('\u{21}'..='~').chain('\u{a1}'..='\u{ff}').filter(|letter| *letter != '?') {
            assert_ne!(of(&letter.to_string()), of("?"), "{letter}");
        }
        assert_eq!(of("\u{2603}"), of("?"));
    }

    #[test]
    fn pictures_of_a_clip_are_told_by_index_and_time_and_live_ones_by_number_and_time_of_day() {
        let clip = Counted::Repeated { fps: 15 };
        assert_eq!(clip.line(7), "picture 07 of 30, 0.467 s");
        assert_eq!(clip.line(60), "picture 00 of 30, 0.000 s");
        assert_eq!(Counted::Repeated { fps: 1 }.line(29), "picture 29 of 30, 29.000 s");
        let noon = time::macros::datetime!(2026-11-28 12:00:07.089_999 UTC);
        assert_eq!(rfc3339(noon), "2026-11-28T12:00:07.089Z");
        let live = Counted::Live { clock_offset: 86_400 * 366 }.line(4711);
        let (time, number) = live.split_once(' ').unwrap();
        assert_eq!(number, "frame 4711");
        let time = OffsetDateTime::parse(time, &time::format_description::well_known::Rfc3339).unwrap();
        let ahead = time - OffsetDateTime::now_utc();
        assert!((365..=366).contains(&ahead.whole_days()), "{ahead}");
        for far in [i64::MAX, i64::MIN] {
            assert!(Counted::Live { clock_offset: far }.line(1).ends_with(" frame 1"));
        }
    }
}
