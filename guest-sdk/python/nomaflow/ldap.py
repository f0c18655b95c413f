"""Searches in LDAP directories, through the connectors the operator granted.

    for entry in ldap.search("directory", "(&(objectClass=person)(mail=*))", attributes=["mail"]):
        ...entry.dn, entry.attributes["mail"]...
"""

from dataclasses import dataclass, field

from . import _host


@dataclass
class Entry:
    """One entry: its distinguished name, and its attributes by name, each a list of `str` or of `bytes`."""

    dn: str
    attributes: dict = field(default_factory=dict)


def search(connector, filter, *, base=None, scope="subtree", attributes=(), page_size=0):
    """Yields the entries that match a filter, fetched page by page. `scope` is `base`, `one-level` or `subtree`."""
    if not _host.is_component:
        yield from _host.stand_in(f"the connector `{connector}`").search(connector, filter)
        return
    wire = _host.ldap
    query = wire.Query(base, wire.Scope[scope.upper().replace("-", "_")], filter, list(attributes), page_size)
    with _host.call(wire.Search.begin, connector, query) as search:
        while page := _host.call(search.next_page):
            for entry in page:
                yield Entry(entry.dn, {it.name: it.values.value for it in entry.attributes})
