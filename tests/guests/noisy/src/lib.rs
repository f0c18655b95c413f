//! `noisy:run` prints `out 0 …` to standard output and `err 0 …` to standard error, `printed` lines each, without an end of
//! line on the last, and then logs `lines` lines `line 0 …` at level info, each `width` bytes longer. It returns `{"lines": n}`.

use nomaflow_guest::{Error, log};

#[derive(serde::Deserialize)]
struct Params {
    #[serde(default)]
    printed: u32,
    #[serde(default)]
    lines: u32,
    #[serde(default)]
    width: usize,
}

#[derive(serde::Serialize)]
struct Outcome {
    lines: u32,
}

fn run(params: Params) -> Result<Outcome, Error> {
    for line in 0..params.printed {
        let end = if line + 1 < params.printed { "\n" } else { "" };
        print!("out {line}{end}");
        eprint!("err {line}{end}");
    }
    let padding = "x".repeat(params.width);
    for line in 0..params.lines {
        log::info!("line {line}{padding}");
    }
    Ok(Outcome { lines: params.lines })
}

nomaflow_guest::plugin! { "run" => run }
