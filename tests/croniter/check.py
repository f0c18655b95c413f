#!/usr/bin/env python3
"""Compares `nomaflow cron` with croniter on a few thousand seeded cron texts.

    check.py --nomaflow PROGRAM --tzdb EDITION [--seed N]

Both must give the same instants, or both refuse. Where they do not, the difference must belong to a class listed
below. Belonging is proved, not assumed: a class says how to put the question so that the difference disappears (another
spelling for croniter, explicit rules for a change of the clocks for us), and the answers to that must be equal. Any
other difference is a failure, and so is a class that never occurs: it would describe nothing.
"""

import argparse
import bisect
import collections
import datetime
import itertools
import json
import re
import subprocess
import sys
import zoneinfo

import tzdata
from croniter import CroniterBadCronError, CroniterBadDateError, croniter

import cases

UTC = datetime.timezone.utc
REFUSED = "refused"
# Past this year chrono-tz keeps the last offset, while Python goes on with the last rule.
LAST_YEAR = 2100
# Fewer would not be a cross-check.
LEAST_EQUAL = 2000

# What we refuse and croniter takes: class, a part of our message, why.
REFUSALS = [
    ("backward range", "runs backwards", "croniter goes round (`fri-mon`, `22-2`); for us it is more often a slip, and the hint splits it"),
    ("step past the field", "is outside 1-", "croniter takes `*/90` for `0`; nobody means that"),
    ("other dialects", "is not a value of the", "croniter knows `?`, `L`, `W`, `#` and hashes; we do not"),
    ("a year", "at most six fields", "croniter has a seventh field"),
]

# How to spell for croniter what our reading of the text is: class, respelling, why.
FULL_NAMES = re.compile(r"\b(" + "|".join(cases.MONTHS + cases.WEEKDAYS) + r")\b", re.IGNORECASE)
EQUAL_RANGE = re.compile(r"(?<![\w/])(\w+)-\1(/\d+)?(?!\w)", re.IGNORECASE)


def short_names(text):
    return FULL_NAMES.sub(lambda name: name[0][:3], text)


def equal_ranges(text):
    return EQUAL_RANGE.sub(r"\1", text)


def late_stars(text):
    fields = text.split()
    for at, every in ((2, "1-31"), (4, "0-6")):
        if len(fields) >= 5 and not fields[at].startswith("*"):
            fields[at] = fields[at].replace("*", every)
    return " ".join(fields)


SPELLINGS = [
    ("full names", short_names, "croniter refuses `january` and `monday`; it has three-letter names only"),
    ("equal range", equal_ranges, "`5-5` is one value for us, the whole field for croniter"),
    ("late star", late_stars, "`5,*` in a day field: our star rule, like Vixie's, looks at the first character only; croniter at all"),
]

# How to ask us for what croniter does when the clocks change: class, rules, why.
RULES = [
    ("overlap", lambda hours: {"fold": "both"}, "fixed hours that come twice: once for us, at the first; croniter fires at both"),
    ("hours in a gap", lambda hours: {"gap": "skip" if "*" in hours else "shift"},
     "real-time rhythm, so no fire in place of a swallowed one: for us when the hour field begins with `*` (`*/2` does, "
     "`0-23` does not), for croniter when it covers all 24 hours (`0-23` does, `*/2` does not)"),
]

# What croniter does differently with no way to ask for it: the answers themselves are brought together.
PASSED_OVER = ("repeat passed over", "when the clocks go back, croniter may pass over fires after the turn if the overlap is no "
               "whole hour, like 23:30 to 24:00; asked again just before the turn it names them")
KEPT_SECONDS = ("second after a gap", "a fire that a gap moves is due with the turn for us; croniter goes on by whole minutes, "
                "so that `30 2 * * * 56` fires 56 seconds after it")


def keep_seconds(text, zone, instants):
    """Our instants with croniter's treatment of the second; two that become one are one."""
    seconds = croniter.expand(text)[0][5:]
    if not seconds or seconds[0][0] in ("*", 0):
        return instants
    local = zoneinfo.ZoneInfo(zone)

    def is_turn(at):
        return at.astimezone(local).utcoffset() != (at - datetime.timedelta(seconds=1)).astimezone(local).utcoffset()

    return list(dict.fromkeys(at.replace(second=seconds[0][0]) if is_turn(at) else at for at in instants))


class Ours:
    """The program, asked in batches."""

    def __init__(self, program):
        self.program = program

    def ask(self, requests):
        said = subprocess.run([self.program, "cron", "--batch"], input="".join(json.dumps(r) + "\n" for r in requests),
                              capture_output=True, text=True, check=False)
        answers = [json.loads(line) for line in said.stdout.splitlines()]
        if said.returncode != 0 or len(answers) != len(requests):
            sys.exit(f"`{self.program} cron --batch` gave {len(answers)} of {len(requests)} answers: {said.stderr}")
        return answers


def instants(answer):
    """Our answer as comparable instants, or REFUSED."""
    if "error" in answer:
        return REFUSED
    return [at for at in (datetime.datetime.fromisoformat(text).astimezone(UTC) for text in answer["next"]) if at.year < LAST_YEAR]


def theirs(case, expression, start=None):
    """croniter's answer. With its `implement_cron_bug` it combines the day fields by Vixie's star rule, as we do."""
    start = (start or case.start).astimezone(zoneinfo.ZoneInfo(case.zone))
    found = []
    try:
        walk = croniter(expression, start, ret_type=datetime.datetime, implement_cron_bug=True)
        for _ in range(case.count):
            found.append(walk.get_next().astimezone(UTC))
    except CroniterBadDateError:
        # No date within fifty years.
        pass
    except CroniterBadCronError:
        return REFUSED
    return [at for at in found if at.year < LAST_YEAR]


def theirs_asked_again(case, expression):
    """croniter's answer, completed by what it says when it starts just before the clocks go back."""
    found = theirs(case, expression)
    local = zoneinfo.ZoneInfo(case.zone)

    def offset(at):
        return at.astimezone(local).utcoffset()

    every = set(found)
    for before, after in zip([case.start, *found], found):
        if offset(before) > offset(after) and after - before < datetime.timedelta(days=2):
            seconds = range(int((after - before).total_seconds()) + 2)
            turn = bisect.bisect_left(seconds, True, key=lambda n: offset(before + datetime.timedelta(seconds=n)) != offset(before))
            every.update(theirs(case, expression, before + datetime.timedelta(seconds=turn - 1)))
    return sorted(every)[:case.count]


def subsets(classes):
    """Smallest first, the empty one included."""
    return itertools.chain.from_iterable(itertools.combinations(classes, size) for size in range(len(classes) + 1))


def explanations(case):
    """Ways to put the question so that the listed differences disappear: names of the classes, text for croniter,
    rules for us, which answers must be brought together."""
    has_turns = case.zone != "UTC"
    for spellings in subsets(SPELLINGS):
        text = case.expression
        matters = True
        for _, respell, _ in spellings:
            matters = matters and respell(text) != text
            text = respell(text)
        try:
            hours = croniter.expand(text)[0][1]
        except CroniterBadCronError:
            matters = False
        if not matters:
            continue
        for rules in subsets(RULES if has_turns else []):
            asked = {key: word for _, rule, _ in rules for key, word in rule(hours).items()}
            for mended in subsets([PASSED_OVER, KEPT_SECONDS] if has_turns else []):
                names = [name for name, *_ in (*spellings, *rules, *mended)]
                if names:
                    yield names, text, asked, mended


def explain(differing, ours):
    """The classes of each differing case, or None for one that no class explains."""
    found = {}
    open_questions = []
    for case, answer, _ in differing:
        found[case] = None
        if "error" not in answer:
            open_questions += [(case, *way) for way in explanations(case)]
        elif names := [name for name, part, _ in REFUSALS if part in answer["error"]]:
            found[case] = names
    # Two instants may become one: one more is asked for.
    answers = ours.ask([case.request(**rules) | {"count": case.count + 1} for case, _, _, rules, _ in open_questions])
    for (case, names, text, _, mended), answer in zip(open_questions, answers):
        if found[case] is None:
            mine = keep_seconds(text, case.zone, instants(answer)) if KEPT_SECONDS in mended else instants(answer)
            other = theirs_asked_again(case, text) if PASSED_OVER in mended else theirs(case, text)
            if mine[:case.count] == other:
                found[case] = names
    return found


def compare(program, seed):
    """Asks both, prints the table. The complaints."""
    ours = Ours(program)
    asked = list(dict.fromkeys(cases.make(seed)))
    answers = ours.ask([case.request() for case in asked])
    equal, differing, families = collections.Counter(), [], collections.Counter(case.family for case in asked)
    for case, answer in zip(asked, answers):
        other = theirs(case, case.expression)
        if instants(answer) == other:
            equal[case.family] += 1
        else:
            differing.append((case, answer, other))
    found = explain(differing, ours)
    counts = collections.Counter(name for names in found.values() for name in names or [])
    complaints = [f"unlisted difference: {describe(*row)}" for row in differing if found[row[0]] is None]

    for family, total in families.items():
        print(f"{equal[family]:5} of {total:5} equal     {family}")
    for name, *_, reason in [*REFUSALS, *SPELLINGS, *RULES, PASSED_OVER, KEPT_SECONDS]:
        print(f"{counts[name]:5} differ by     {name}: {reason}")
        if counts[name] == 0:
            complaints.append(f"the class `{name}` does not occur: remove it, or let the generator produce it")
    total = sum(equal.values())
    print(f"{len(asked)} compared, {total} equal, {len(differing)} different, {len(complaints)} complaints")
    if total < LEAST_EQUAL:
        complaints.append(f"only {total} equal answers; {LEAST_EQUAL} are wanted")
    return complaints


def describe(case, answer, other):
    local = zoneinfo.ZoneInfo(case.zone)
    them = other if other == REFUSED else [at.astimezone(local).isoformat() for at in other]
    return (f"{case.expression!r} in {case.zone} after {case.start.isoformat()}\n"
            f"      ours: {answer.get('error') or answer['next']}\n  croniter: {them}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nomaflow", required=True)
    parser.add_argument("--tzdb", required=True, help="the edition of the zone rules that the program has built in")
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()
    if tzdata.IANA_VERSION != arguments.tzdb:
        sys.exit(f"the program has zone rules {arguments.tzdb}, tzdata has {tzdata.IANA_VERSION}: pin its like in requirements.txt")
    # Zone rules of this machine may be of any age.
    zoneinfo.reset_tzpath(to=[])
    complaints = compare(arguments.nomaflow, arguments.seed)
    print("\n".join(complaints[:20]))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
