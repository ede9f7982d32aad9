//! What can be wrong with a page, each as a change to one that is right.

/// What is replaced in a page that is right, and how what is found then begins.
pub(crate) struct Wrong {
    pub(crate) change: &'static [(&'static str, &'static str)],
    pub(crate) found: &'static str,
}

/// All of these are on one page, and each is told from the others.
pub(crate) const WRONG: [Wrong; 15] = [
    Wrong { change: &[("<main>", "<main><script>let a;</script>")], found: "console: " },
    Wrong {
        change: &[("id=\"finding-1-as-drawn\"", "id=\"elsewhere\"")],
        found: "link leads nowhere: #finding-1-as-drawn",
    },
    Wrong {
        change: &[("id=\"check-dock-alone\"", "id=\"check-dock-plays\"")],
        found: "id twice: check-dock-plays",
    },
    Wrong {
        change: &[(
            "class=\"line found bad\" data-from=\"app\"",
            "class=\"line found good\" data-from=\"app\"",
        )],
        found: "found and not red: app rtr",
    },
    Wrong {
        change: &[(
            "class=\"line found bad\" data-from=\"dock-1\"",
            "class=\"line found bad\" data-from=\"dock-2\"",
        )],
        found: "found and not drawn: dock-1 vms",
    },
    Wrong {
        change: &[("class=\"verdict FAIL\">FAIL</span></h1>", "class=\"verdict FAIL\">PASS</span></h1>")],
        found: "the title says PASS",
    },
    Wrong {
        change: &[("<td class=\"leak\"", "<td class=\"as-meant\"")],
        found: "found and good in the matrix: dock-1 vms",
    },
    Wrong { change: &[("<h2>Checks</h2>", "<h4>Checks</h4>")], found: "heading-order (light)" },
    Wrong {
        change: &[
            ("aria-labelledby=\"time-title time-says\"", ""),
            ("<title id=\"time-title\">Time line</title>", ""),
        ],
        found: "svg-img-alt (light)",
    },
    Wrong {
        change: &[("<summary>The time line", "<summary tabindex=\"-1\">The time line")],
        found: "not reached by keyboard in order",
    },
    Wrong {
        change: &[(":focus-visible { outline: 3px solid", ":focus-visible { outline: 0 solid")],
        found: "the focus is not seen",
    },
    Wrong { change: &[("--quiet: #9aa5b0", "--quiet: #3a424a")], found: "color-contrast (dark)" },
    Wrong {
        change: &[("@media screen and (prefers-color-scheme", "@media (prefers-color-scheme")],
        found: "printed in a colour for dark screens",
    },
    Wrong { change: &[(".scroll { overflow-x: auto; }", "")], found: "wider than the phone" },
    Wrong {
        change: &[("<td class=\"unsure\">cannot be said</td>", "<td class=\"good\">cannot be said</td>")],
        found: "green by what cannot be relied on",
    },
];

/// A page that asks for something: first it has to lose what forbids that.
pub(crate) const ASKING: [Wrong; 1] = [Wrong {
    change: &[
        ("<meta http-equiv=\"Content-Security-Policy\"", "<meta name=\"nothing\""),
        ("<title>small", "<link rel=\"stylesheet\" href=\"http://127.0.0.1:9/style.css\"><title>small"),
    ],
    found: "asked for: http://127.0.0.1:9/style.css",
}];

/// The page with all of these changes.
pub(crate) fn made_wrong(right: &str, wrong: &[Wrong]) -> String {
    wrong.iter().flat_map(|one| one.change).fold(right.to_owned(), |page, (from, to)| {
        assert!(page.contains(from), "{from:?} is not on the page");
        page.replacen(from, to, 1)
    })
}
