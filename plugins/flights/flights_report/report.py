"""Writes what `flights-daily` found as one Markdown file in the home's data folder.

It reads the tables that the steps before it left in the reporting database, through the connector it is given, and
nothing else. The statements are the common ground of SQLite and PostgreSQL.
"""

import datetime
import os
import pathlib

# A sum of `bigint` is a `numeric` in PostgreSQL; the casts make it a whole number everywhere.
TOTALS = """
select cast(sum(flights) as bigint) as flights, cast(sum(canceled) as bigint) as canceled, cast(sum(late) as bigint) as late
from daily_delays
"""

CARRIERS = """
select carrier, flights, with_delay, mean_delay, p50_delay, p90_delay, p99_delay
from carrier_delays
order by p90_delay desc, carrier
"""

WORST_DAYS = """
select year, month, day, cast(sum(flights) as bigint) as flights, cast(sum(canceled) as bigint) as canceled,
    cast(sum(late) as bigint) as late
from daily_delays
group by year, month, day
order by sum(canceled) + sum(late) desc, year, month, day
limit 10
"""

MANUFACTURERS = """
select p.manufacturer, count(*) as flights, count(distinct p.tailnum) as planes
from flights f join planes p on p.tailnum = f.tailnum
group by p.manufacturer
order by count(*) desc, p.manufacturer
limit 10
"""


def write(ctx, settings, connector: str, file: str, late_minutes: int, flights_copied: int, planes_copied: int, carriers: int):
    """Writes the report to `file`, a path below the data folder. Returns the path and what the report is about.

    Raises ValueError when the tables do not hold what the steps before say they wrote: a report of half the flights
    would be worse than none.
    """
    reporting = ctx.get_connector(connector)
    totals = reporting.query(TOTALS)[0]
    by_carrier = reporting.query(CARRIERS)
    if totals["flights"] != flights_copied:
        raise ValueError(f"daily_delays counts {totals['flights']} flights, and {flights_copied} were copied")
    if len(by_carrier) != carriers:
        raise ValueError(f"carrier_delays holds {len(by_carrier)} carriers, and {carriers} were found")
    ctx.progress(2, 4, "tables read")

    parts = [
        "# Flights of New York",
        f"Run `{ctx.run_id}` of `{ctx.job_id}`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC.",
        f"{flights_copied:,} flights and {planes_copied:,} planes were copied. {totals['canceled']:,} flights were canceled, "
        f"{totals['late']:,} arrived {late_minutes} minutes late or more.",
        "## Arrival delays by carrier, in minutes",
        table(by_carrier),
        "## The ten worst days",
        table(reporting.query(WORST_DAYS)),
        "## Manufacturers",
        table(reporting.query(MANUFACTURERS)),
    ]
    ctx.progress(4, 4, "report written")
    target = pathlib.Path(settings["home"], "data", file)
    text = "\n\n".join(parts) + "\n"
    replace(target, text)
    ctx.log.info("report on %s flights written to %s", f"{flights_copied:,}", target)
    return {"file": str(target), "bytes": len(text.encode()), "flights": flights_copied, "carriers": carriers}


def table(rows):
    """Rows (dicts with the same keys) as a Markdown table, numbers to the right."""
    if not rows:
        return "No rows."
    names = list(rows[0])
    numeric = {name: all(isinstance(row[name], (int, float)) or row[name] is None for row in rows) for name in names}
    lines = [names, ["---:" if numeric[name] else ":---" for name in names]]
    lines += [[cell(row[name]) for name in names] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(value):
    """One value as text."""
    if value is None:
        return ""
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def replace(target, text):
    """Writes the file whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, target)
