"""sqlglot, the parser that FINER-SQL's released code reads queries with: trees alone, no operations yet."""

import sqlglot

from serve import seconds, serve

queries = []


def load(sql):
    queries[:] = sql
    return {"read": sum(sqlglot.parse_one(query, read="sqlite") is not None for query in queries)}


def run():
    return {"seconds": seconds(lambda: [sqlglot.parse_one(query, read="sqlite") for query in queries])}


serve({"load": load, "run": run}, sqlglot=sqlglot.__version__)
