//! What is written in a picture, read by a program that nobody here wrote.

use std::io::Write;
use std::process::{Command, Stdio};

/// The box with the words: the lowest rows of a picture, from the left.
pub(crate) struct Words {
    /// Pixels of the box.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// By how much it is enlarged, so that letters are about 40 pixels high.
    pub(crate) zoom: usize,
}

impl Words {
    /// FFmpeg's filter that leaves the box of one picture, as dark letters on white paper.
    fn filter(&self) -> String {
        let Self { width, height, zoom } = self;
        format!(
            "crop={width}:{height}:0:ih-{height},scale=iw*{zoom}:-1:flags=bicubic,format=gray,negate,\
             pad=iw+40:ih+40:20:20:white"
        )
    }
}

/// Lines in the box of a picture, which FFmpeg reads with these arguments before its input.
pub(crate) fn read(form: &[&str], picture: &[u8], words: &Words) -> Vec<String> {
    let filter = words.filter();
    let into = ["-i", "-", "-vf", &filter, "-c:v", "png", "-f", "image2pipe", "-"];
    let image = piped("ffmpeg", &[&["-v", "error"], form, &into].concat(), "ffmpeg", picture);
    let text = piped("tesseract", &["stdin", "stdout", "--psm", "6"], "tesseract-ocr", &image);
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What a program makes of these bytes; a missing one fails the test by name.
pub(crate) fn piped(program: &str, arguments: &[&str], package: &str, input: &[u8]) -> Vec<u8> {
    let child = Command::new(program)
        .args(arguments)
        // More threads wait for one another where others work, too.
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child =
        child.unwrap_or_else(|error| panic!("`{program}` (Debian: {package}) cannot be run: {error}"));
    let mut to = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writing = std::thread::spawn(move || to.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{program}: {:?}", output.status);
    writing.join().expect("no panic").expect("it reads all");
    output.stdout
}

/// Which of the thirty pictures of a clip, at fifteen a second, a line is nearest to; a reader of letters may take one for two.
pub(crate) fn picture_told(line: &str) -> u16 {
    let read = alike(line);
    let wrong = |index: &u16| strsim::levenshtein(&read, &alike(&told(*index)));
    let nearest = (0..30).min_by_key(wrong).expect("there are thirty");
    assert!(wrong(&nearest) <= 3, "{line} is like none, least unlike {}", told(nearest));
    assert!(
        (0..30).all(|other| other == nearest || wrong(&other) > wrong(&nearest)),
        "{line} is like several"
    );
    nearest
}

/// The line that picture `index` has.
pub(crate) fn told(index: u16) -> String {
    format!("picture {index:02} of 30, {:.3} s", f64::from(index) / 15.0)
}

/// Letters and digits alone, with those in one that readers of letters take for one another.
pub(crate) fn alike(line: &str) -> String {
    let letters = line.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
    letters
        .map(|letter| match letter {
            'o' => '0',
            'd' => '4',
            'z' => '2',
            's' => '5',
            'f' | 't' => '7',
            'i' | 'l' => '1',
            other => other,
        })
        .collect()
}
