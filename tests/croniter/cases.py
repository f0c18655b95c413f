"""Seeded questions for the comparison with croniter: cron texts of every shape, zones, starts near and far from changes
of the clocks, and texts that are wrong on purpose."""

import dataclasses
import datetime
import random

# Minute, hour, day of month, month, day of week, second.
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7), (0, 59))
MONTH, WEEKDAY = 3, 4
MONTHS = ("january february march april may june july august september october november december").split()
WEEKDAYS = "sunday monday tuesday wednesday thursday friday saturday".split()
SHORTHANDS = "@hourly @daily @midnight @weekly @monthly @yearly @annually".split()

# Days on which clocks change, or a day is missing altogether.
TURNS = [
    ("Europe/Paris", "2026-03-29"), ("Europe/Paris", "2026-10-25"), ("America/New_York", "2025-03-09"),
    ("America/New_York", "2025-11-02"), ("Australia/Lord_Howe", "2025-10-05"), ("Australia/Lord_Howe", "2025-04-06"),
    ("Antarctica/Troll", "2024-03-31"), ("Antarctica/Troll", "2024-10-27"), ("Pacific/Chatham", "2025-09-28"),
    ("Pacific/Chatham", "2025-04-06"), ("America/Sao_Paulo", "2018-11-04"), ("America/Sao_Paulo", "2018-02-18"),
    ("Africa/Casablanca", "2025-02-23"), ("Africa/Casablanca", "2025-04-06"), ("Europe/Dublin", "2025-03-30"),
    ("Europe/Dublin", "2025-10-26"), ("America/Havana", "2025-03-09"), ("America/Havana", "2025-11-02"),
    ("Asia/Tehran", "2021-03-22"), ("Asia/Tehran", "2021-09-22"), ("Africa/Cairo", "2024-04-26"),
    ("Atlantic/Azores", "2025-03-30"), ("Atlantic/Azores", "2025-10-26"), ("Asia/Pyongyang", "2015-08-15"),
    ("Asia/Pyongyang", "2018-05-05"), ("Pacific/Apia", "2011-12-30"), ("America/Caracas", "2007-12-09"),
    ("Asia/Colombo", "1996-10-26"), ("Asia/Colombo", "2006-04-15"), ("Australia/Lord_Howe", "2024-04-07"),
]
# Where clocks went back by half an hour.
HALF_HOURS = [turn for turn in TURNS if turn[0] in ("Australia/Lord_Howe", "America/Caracas", "Asia/Colombo")] + [
    ("Asia/Pyongyang", "2015-08-15")]
ZONES = sorted({zone for zone, _ in TURNS} | {"Asia/Tokyo", "Asia/Kolkata", "Europe/London", "America/Los_Angeles"})


@dataclasses.dataclass(frozen=True)
class Case:
    """One question: the next `count` instants of `expression` after `start`."""

    expression: str
    zone: str
    start: datetime.datetime
    count: int
    # How it was made, for the count of what was compared.
    family: str

    def request(self, **extra):
        return {"expression": self.expression, "timezone": self.zone, "from": self.start.isoformat(),
                "count": self.count, **extra}


def value(pick, field):
    low, high = RANGES[field]
    number = pick.randint(low, high)
    if field in (MONTH, WEEKDAY) and pick.random() < 0.3:
        names = MONTHS if field == MONTH else WEEKDAYS
        name = names[(number - low) % len(names)]
        name = name if pick.random() < 0.15 else name[:3]
        return pick.choice([name, name.upper(), name.title()])
    return f"{number:02}" if pick.random() < 0.1 else str(number)


def span(pick, field):
    low, high = RANGES[field]
    first = pick.randint(low, high - 1)
    last = first if pick.random() < 0.02 else pick.randint(first + 1, high)
    if field == WEEKDAY and last == 7 and pick.random() < 0.4:
        return f"{WEEKDAYS[first][:3]}-sun"
    if field == WEEKDAY and last < 7 and pick.random() < 0.3:
        return f"{WEEKDAYS[first][:3]}-{WEEKDAYS[last][:3]}"
    return f"{first}-{last}"


def item(pick, field, stars=0.1):
    kind = pick.random()
    step = pick.randint(1, RANGES[field][1] if pick.random() < 0.3 else max(2, RANGES[field][1] // 3))
    if kind < stars:
        return f"*/{step}"
    if kind < 0.5:
        return value(pick, field)
    if kind < 0.75:
        return span(pick, field)
    if kind < 0.9:
        return f"{span(pick, field)}/{step}"
    return f"{pick.randint(*RANGES[field])}/{step}"


def one_field(pick, field, star):
    if pick.random() < star:
        return "*" if pick.random() < 0.75 else f"*/{pick.randint(1, max(2, RANGES[field][1] // 3))}"
    items = [item(pick, field) for _ in range(pick.choice((1, 1, 1, 2, 2, 3)))]
    if pick.random() < 0.01:
        items.append("*")
    return ",".join(items)


def expression(pick, hours=None, seconds=0.2):
    if pick.random() < 0.03:
        return pick.choice(SHORTHANDS)
    fields = [one_field(pick, field, star) for field, star in zip(range(5), (0.2, 0.3, 0.5, 0.6, 0.5))]
    if hours:
        fields[1] = pick.choice(hours)
        fields[2], fields[3] = pick.choice(("*", "*", "*/2", "1-31")), "*"
        fields[4] = pick.choice(("*", "*", "sun", "0-6", "sat,sun,mon"))
    if pick.random() < seconds:
        fields.append(one_field(pick, 5, 0.1))
    return pick.choice((" ", " ", " ", "  ", "\t")).join(fields)


def moment(pick, first, last):
    seconds = pick.randint(int(first.timestamp()), int(last.timestamp()))
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def year(number):
    return datetime.datetime(number, 1, 1, tzinfo=datetime.timezone.utc)


# Every one is wrong for at least one of the two readers.
def wrong(pick):
    fields = expression(pick, seconds=0).split() if pick.random() < 0.95 else ["0"] * 5
    while len(fields) < 5:
        fields = expression(pick, seconds=0).split()
    at = pick.randrange(5)
    low, high = RANGES[at]
    middle = (low + high) // 2
    fields[at] = pick.choice((
        str(high + 1), str(high + 40), f"{low}-{high + 1}", f"{high}-{middle}", f"{middle}-", f"-{middle}", "-5", "a", "*/0", "*/",
        "*/x", f"*/{high + 1}", f"{middle},", f",{middle}", f"{low},,{high}", "1.5", "+3", "L", "?", "15W", "2#1", "h", "**", "%",
        "monjan", "١"))
    return pick.choice((" ".join(fields),) * 8 + (" ".join(fields[:4]), " ".join(["0"] * 7), "@reboot", "@never", "", "* * * *",
                                                 "0 0 * * * 60", "0 0 * * * 0 2030"))


def make(seed):
    """Every case, always the same for one seed."""
    pick = random.Random(seed)
    cases = []
    for _ in range(1500):
        cases.append(Case(expression(pick), "UTC", moment(pick, year(1970), year(2090)), 6, "calendar, UTC"))
    for _ in range(500):
        zone = pick.choice(ZONES)
        cases.append(Case(expression(pick), zone, moment(pick, year(1985), year(2036)), 6, "calendar, zones"))
    hours = ("*", "*", "*/2", "*/3", "0", "1", "2", "3", "0,1,2,3", "1-3", "2,14", "0-23", "0,12", "1-4/2", "23,0")
    for _ in range(900):
        zone, day = pick.choice(TURNS)
        start = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc)
        start += datetime.timedelta(seconds=pick.randint(-40 * 3600, 20 * 3600))
        cases.append(Case(expression(pick, hours, seconds=0.25), zone, start, 12, "near a change of the clocks"))
    for _ in range(100):
        zone, day = pick.choice(HALF_HOURS)
        start = datetime.datetime.fromisoformat(day).replace(tzinfo=datetime.timezone.utc) - datetime.timedelta(hours=16)
        text = f"{pick.randint(0, 29)}-{pick.randint(30, 59)}/{pick.randint(7, 20)} * * * *"
        cases.append(Case(text, zone, start, 120, "half an hour back"))
    for _ in range(400):
        cases.append(Case(wrong(pick), "UTC", year(2026), 2, "wrong on purpose"))
    return cases
