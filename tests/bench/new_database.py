"""A database of its own beside the stack's, for a program that the stack is compared with."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg


async def new_database(dsn: str, name: str, tables: str) -> str:
    """Create a database on the same server, in place of an old one; returns its address."""
    address = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.execute(f"create database {name}")
    finally:
        await connection.close()
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(tables)
    finally:
        await connection.close()
    return address
