"""Reads an iCalendar file from standard input, strictly, and prints what is in it as JSON."""

import json
import sys

from icalendar import Calendar

text = sys.stdin.buffer.read()
calendar = Calendar.from_ical(text)
assert not calendar.errors, calendar.errors
assert text.endswith(b"\r\n") and b"\n" not in text.replace(b"\r\n", b""), "lines end with CR LF"
assert all(len(line) <= 75 for line in text.split(b"\r\n")), "lines are folded at 75 bytes"
events = list(calendar.walk("VEVENT"))
assert all(not event.errors for event in events)
uids = [str(event["UID"]) for event in events]
assert len(set(uids)) == len(uids), "every event has a UID of its own"
print(
    json.dumps(
        {
            "name": str(calendar["X-WR-CALNAME"]),
            "about": str(calendar.get("X-WR-CALDESC", "")),
            "events": [
                {
                    "uid": str(event["UID"]),
                    "summary": str(event["SUMMARY"]),
                    "description": str(event.get("DESCRIPTION", "")),
                    "start": event.start.isoformat(),
                    "seconds": event.duration.total_seconds(),
                }
                for event in events
            ],
        }
    )
)
