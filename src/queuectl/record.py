"""Owns `Record`: `typing.NamedTuple` for modules that `queuectl enqueue` imports.

Importing `typing` costs 4 ms, `dataclasses` 9 ms, and a class made by `namedtuple`, which compiles its constructor,
0.3 ms; the whole command may take 37 (docs/decisions/0003-records-without-typing.md). Type checkers read `Record` as
`typing.NamedTuple`, and what it can do beyond them is not there.
"""

from operator import itemgetter

__all__ = ["Record"]

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:

    class _RecordType(type):
        def __new__(cls, name, bases, namespace):
            fields = tuple(namespace.get("__annotations__", ()))
            if bases == (tuple,):
                return super().__new__(cls, name, bases, namespace)
            defaults = {field: namespace.pop(field) for field in fields if field in namespace}
            getters = {field: property(itemgetter(index)) for index, field in enumerate(fields)}
            own = {
                "__slots__": (),
                "__match_args__": fields,
                "_fields": fields,
                "_field_defaults": defaults,
                "_indexes": {field: index for index, field in enumerate(fields)},
            }
            return super().__new__(cls, name, bases, {**namespace, **own, **getters})

    class Record(tuple, metaclass=_RecordType):
        """An immutable tuple with the annotated fields; fields with a default come last."""

        __slots__ = ()

        def __new__(cls, *values, **named):
            if named or len(values) != len(cls._fields):
                values = cls._complete(values, named)
            return tuple.__new__(cls, values)

        @classmethod
        def _complete(cls, values, named):
            missing = len(cls._fields) - len(values)
            if not named and 0 < missing <= len(cls._field_defaults):
                return (*values, *tuple(cls._field_defaults.values())[-missing:])
            rest = cls._fields[len(values) :]
            known = {**cls._field_defaults, **named}
            if missing < 0 or not named.keys() <= set(rest) or not known.keys() >= set(rest):
                raise TypeError(f"{cls.__name__} has the fields {', '.join(cls._fields)}")
            return (*values, *(known[field] for field in rest))

        def _replace(self, **named):
            values = list(self)
            try:
                for field, value in named.items():
                    values[self._indexes[field]] = value
            except KeyError:
                raise TypeError(f"{type(self).__name__} has the fields {', '.join(self._fields)}") from None
            return tuple.__new__(type(self), values)

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            fields = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({fields})"
