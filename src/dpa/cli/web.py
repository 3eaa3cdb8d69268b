"""`dpa web`."""

from pathlib import Path
from typing import Annotated

import typer

from dpa.cli.options import OUTPUT, SPEED

SERVER, LIMITS = "Server", "Limits"


def web(
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen at; others than 127.0.0.1 need --password.", rich_help_panel=SERVER
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", rich_help_panel=SERVER)] = 7860,
    password: Annotated[
        str | None,
        typer.Option(
            help="That visitors must give, with any user name; better in $DPA_WEB_PASSWORD, which lists of "
            "processes do not show.",
            envvar="DPA_WEB_PASSWORD",
            show_default=False,
            rich_help_panel=SERVER,
        ),
    ] = None,
    api_only: Annotated[
        bool, typer.Option("--api-only", help="No page, only the API.", rich_help_panel=SERVER)
    ] = False,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.", rich_help_panel=SERVER)
    ] = False,
    embed_in: Annotated[
        str,
        typer.Option(help="Address of a site that may show the page in a frame.", rich_help_panel=SERVER),
    ] = "",
    max_size: Annotated[str, typer.Option(help="Of an upload.", rich_help_panel=LIMITS)] = "2GB",
    max_minutes: Annotated[float, typer.Option(help="Length of a video.", rich_help_panel=LIMITS)] = 30.0,
    max_waiting: Annotated[
        int, typer.Option(help="Videos and files that wait for their turn.", rich_help_panel=LIMITS)
    ] = 100,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="For uploads and results while the server runs; default in the system's folder for "
            "temporary files.",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ] = None,
    max_disk: Annotated[
        str, typer.Option(help="Of all that is kept: the oldest goes first.", rich_help_panel=LIMITS)
    ] = "20GB",
    max_hours: Annotated[
        float, typer.Option(help="After which what nobody has used goes.", rich_help_panel=LIMITS)
    ] = 24.0,
    jobs: Annotated[int, typer.Option(help="Videos at work at a time.", rich_help_panel=SPEED)] = 1,
    device: Annotated[
        str, typer.Option(help="auto, cpu, cuda, cuda:INDEX or mps.", rich_help_panel=SPEED)
    ] = "auto",
) -> None:
    """Start a page on this machine: drop a video, look, download. Nothing leaves the machine."""
    from dpa.device import pick_device
    from dpa.web.settings import WebSettings, size_of

    settings = WebSettings(
        host=host,
        port=port,
        password=password,
        folder=folder,
        max_size=size_of(max_size),
        max_minutes=max_minutes,
        max_disk=size_of(max_disk),
        max_hours=max_hours,
        max_waiting=max_waiting,
        jobs=jobs,
        device=pick_device(device),
        api_only=api_only,
        embed_in=embed_in,
    )
    from dpa.web.serve import serve

    serve(settings, lambda address: _tell(address, open_browser))


def _tell(address: str, open_browser: bool) -> None:
    typer.echo(f"dpa web is at {address} - Ctrl-C ends it")
    if open_browser:
        import webbrowser

        webbrowser.open(address)
