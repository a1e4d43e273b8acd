"""Settings of building functions, of the registry that their images go to, and of what is kept."""

from typing import Annotated, Literal

from msgspec import Meta

from edge.cli.forge_settings import AtForges
from edge.cli.variables import SECRET


class Building(AtForges, frozen=True, kw_only=True):
    """A part of ``Settings``; structs inherit in a row."""

    builds: Annotated[int, Meta(description="functions built at the same time", ge=1, le=64)] = 2
    build_from_source: Annotated[
        bool, Meta(description="true: requirements without a wheel may run their own build")
    ] = False
    isolate: Annotated[
        bool,
        Meta(description="false: functions run as this user, with its files in their reach"),
    ] = True
    function_memory: Annotated[
        int,
        Meta(description="MiB that a function gets where its stack says nothing", ge=16),
    ] = 256
    builder: Annotated[
        Literal["bundle", "buildkit"],
        Meta(description="bundle: folders run here; buildkit: container images"),
    ] = "bundle"
    buildkit_url: Annotated[
        str,
        Meta(
            description="unix://PATH or tcp://HOST:PORT of buildkitd, docker://PATH of an engine",
            pattern=r"^(unix://|docker://|tcp://.+:\d{1,5}$)",
        ),
    ] = "docker:///var/run/docker.sock"
    buildkit_tls: Annotated[
        str, Meta(description="folder with ca.pem, cert.pem and key.pem for a tcp:// buildkitd")
    ] = ""
    build_seconds: Annotated[int, Meta(description="after which a build is stopped", ge=1)] = 900
    build_args: Annotated[
        str, Meta(description="build args that a stack may set, comma separated")
    ] = "GO111MODULE,ADDITIONAL_PACKAGE,PYTHON_VERSION,NODE_VERSION,TEST_ENABLED,TEST_COMMAND"
    build_cache: Annotated[
        bool, Meta(description="true: keep a build cache for each function in the registry")
    ] = False
    build_attestations: Annotated[
        Literal["none", "provenance", "provenance,sbom"],
        Meta(description="what an image carries about its making, where BuildKit can"),
    ] = "provenance"
    base_images: Annotated[
        str,
        Meta(description="templates' base images by LANG.ARG=REF, comma separated, for a mirror"),
    ] = ""
    registry: Annotated[
        str,
        Meta(
            description="where images are pulled from; ending in /: one repository path for all, "
            "as registry:5000/functions/"
        ),
    ] = "127.0.0.1:5000"
    push_registry: Annotated[
        str, Meta(description="where images are pushed to, if by another name")
    ] = ""
    registry_user: Annotated[str, Meta(description="user of the registry")] = ""
    registry_password: Annotated[
        str, SECRET, Meta(description="password of the registry; builds ask for it by session")
    ] = ""
    registry_insecure: Annotated[
        bool, Meta(description="true: the registry speaks plain http; 127.0.0.0/8 always may")
    ] = False
    ecr_access_key: Annotated[
        str,
        SECRET,
        Meta(description="makes repositories at ...amazonaws.com; unset: the machine's role does"),
    ] = ""
    ecr_secret_key: Annotated[str, SECRET, Meta(description="secret of that key")] = ""
    ecr_url: Annotated[
        str,
        Meta(description="of ECR's API, where it is not Amazon's own", pattern=r"^(https?://.+)?$"),
    ] = ""
    collect_grace_minutes: Annotated[
        int,
        Meta(
            description="between the announcement that a function goes and its end, in which "
            "`pushline collect undo` keeps it",
            ge=0,
            le=60 * 24 * 30,
        ),
    ] = 10
    keep_revisions: Annotated[
        int,
        Meta(description="revisions of each function whose artefacts are kept", ge=2, le=50),
    ] = 5
    build_log_days: Annotated[
        int,
        Meta(description="that the log of a build is kept, longer for kept revisions", ge=1),
    ] = 90
