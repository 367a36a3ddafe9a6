"""`realtalk doctor`: what works on this machine and what to do about what does not."""

import argparse
import json

SIGNS = {"ok": "✓", "limited": "!", "broken": "✗"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "doctor",
        help="say what works on this machine and what to do about the rest",
        description="Say what works on this machine and what to do about the rest.",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the findings; exit code 1 if something is broken."""
    from app.doctor import Health, examine

    findings = list(examine())
    if args.json:
        rows = [{**vars(finding), "health": finding.health.value} for finding in findings]
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for finding in findings:
            if args.quiet and finding.health is Health.GOOD:
                continue
            print(f"{SIGNS[finding.health.value]} {finding.subject}: {finding.text}")
            if finding.advice:
                print(f"    {finding.advice}")
    return int(any(finding.health is Health.BROKEN for finding in findings))
