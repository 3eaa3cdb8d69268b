"""`dpa doctor`."""

import json
from typing import Annotated

import typer


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Check this installation: versions, devices, codecs, flow, weights, and a self-test of a few seconds.

    Exits with 1 if anything that is needed is broken.
    """
    from dataclasses import asdict

    from dpa.doctor import examine, is_broken

    findings = []
    heading = ""
    for finding in examine():
        findings.append(finding)
        if as_json:
            continue
        if finding.group != heading:
            typer.echo(f"{finding.group}")
            heading = finding.group
        typer.echo(f"  {finding.status:<6}  {finding.name:<22}  {finding.detail}")
    broken = is_broken(findings)
    if as_json:
        typer.echo(json.dumps({"ok": not broken, "findings": [asdict(one) for one in findings]}, indent=2))
    else:
        typer.echo("something needed is broken" if broken else "all that is needed works")
    if broken:
        raise typer.Exit(1)
