"""Parses Dockerfiles with BuildKit's own parser, by way of the PyPI package `dockerfile`.

Reads JSON Lines with `repo`, `path` and `text`, gunzipped when its name ends in .gz, and writes one JSON object a
file to standard output, in the same order: `name` and either `commands` or the parser's `error`.
"""

import gzip
import json
import sys

import dockerfile


def command(parsed):
    return {
        "name": parsed.cmd,
        "trigger": parsed.sub_cmd,
        "json": parsed.json,
        "flags": parsed.flags,
        "values": parsed.value,
        "lines": [parsed.start_line, parsed.end_line],
        "heredocs": [[heredoc.name, heredoc.file_descriptor, heredoc.content] for heredoc in parsed.heredocs],
    }


def main(path):
    opened = gzip.open(path, "rt", encoding="utf-8", newline="") if path.endswith(".gz") else open(path, newline="")
    with opened as lines:
        for line in lines:
            file = json.loads(line)
            result = {"name": f"{file['repo']}/{file['path']}"}
            try:
                result["commands"] = [command(parsed) for parsed in dockerfile.parse_string(file["text"])]
            except (dockerfile.GoParseError, ValueError) as error:
                result["error"] = str(error)
            print(json.dumps(result))


main(sys.argv[1])
