//! Text that grows up to a limit, and says so when that is reached.

/// Most that is written, bytes, apart from the ends of what is open.
const MOST: usize = 512 * 1024;

#[derive(Default)]
pub(super) struct Page {
    text: String,
    left_out: usize,
}

impl Page {
    /// Adds a block, if it still fits.
    pub(super) fn add(&mut self, block: &str) {
        if self.text.len() + block.len() > MOST {
            self.left_out += 1;
        } else {
            self.text.push_str(block);
        }
    }

    /// A table that is folded away; `head` are its first two lines.
    pub(super) fn fold(&mut self, title: &str, head: &str, rows: impl FnOnce(&mut Page)) {
        self.text.push_str(&format!("\n<details><summary>{title}</summary>\n\n{head}"));
        rows(self);
        self.text.push_str("\n</details>\n");
    }

    pub(super) fn finish(mut self) -> String {
        if self.left_out > 0 {
            let more = format!("\n**{} more have no room here**; `--json` has everything.\n", self.left_out);
            self.text.push_str(&more);
        }
        self.text
    }
}
