"""Calls confml_client for python.test.ts: reads cases as JSON from standard input, prints their outcomes as JSON."""

import json
import sys

from confml_client import ConfmlClient, ConfmlError, ServerError

cases = json.load(sys.stdin)
outcomes = {}
for name in cases["names"]:
    waits = []
    try:
        with ConfmlClient(
            f"{cases['url']}/{name}",
            key=bytes.fromhex(cases["key"]),
            kid=cases["kid"],
            sleep=waits.append,
        ) as client:
            result = client.classify(bytes.fromhex(cases["picture"]), top=2)
        outcome = {"labels": [one.label for one in result.predictions], "request": result.request}
    except ConfmlError as error:
        outcome = {"code": error.code, "message": str(error)}
        if isinstance(error, ServerError):
            outcome["status"] = error.status
    outcomes[name] = {**outcome, "waits": [int(wait) for wait in waits]}
json.dump(outcomes, sys.stdout)
