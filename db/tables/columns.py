"""The parts of the tables: kinds of columns and indexes, and the one collection of tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Position = BigInteger().with_variant(Integer, "sqlite")
"""SQLite increments only a column of its own type INTEGER."""


Id = String(64).with_variant(String(64, collation="C"), "postgresql")
"""Ids sort by creation, byte by byte, whatever the database's language."""


def id_column(name: str = "id", **options: object) -> Column[str]:
    """Return a column of ids."""
    return Column(name, Id, **options)  # type: ignore[arg-type]  # Column's own options


def refers(name: str, target: str, *, nullable: bool = False) -> Column[str]:
    """Return a column of ids of another table's rows."""
    # Deferred: a transaction writes sessions, payments and operations that refer to each other.
    key = ForeignKey(target, deferrable=True, initially="DEFERRED")
    return Column(name, Id, key, nullable=nullable)


def minor(name: str) -> Column[int]:
    """Return a column of amounts."""
    return Column(name, BigInteger, nullable=False)


def instant(name: str, *, nullable: bool = False) -> Column[int]:
    """Return a column of instants."""
    return Column(name, BigInteger, nullable=nullable)


def word(name: str, *, nullable: bool = False) -> Column[str]:
    """Return a column of an enum's values."""
    return Column(name, String(40), nullable=nullable)


def free_text(name: str, *, nullable: bool = True) -> Column[str]:
    """Return a column of text, or of JSON as text."""
    return Column(name, Text, nullable=nullable)


def flag(name: str) -> Column[bool]:
    """Return a column of booleans."""
    return Column(name, Boolean, nullable=False)


def currency() -> Column[str]:
    """Return the column of currencies."""
    return Column("currency", String(3), nullable=False)


def index_where(name: str, *columns: str, condition: str, unique: bool = False) -> Index:
    """Return an index of only the rows that meet a condition."""
    where = text(condition)
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


def listed(*columns: str) -> list[Index]:
    """Return the indexes of a table in the order of its lists, as a whole and for each column that filters them."""
    return [Index(None, *columns, "created_at", "id") for columns in ((), *zip(columns))]
