"""The files in `deploy` and the compose file: valid, and true to the program."""

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from raftwerk import __version__
from raftwerk.cli import serve
from raftwerk.config import ServeConfig, settings_of
from raftwerk.host.real_programs import GRACE_SECONDS
from raftwerk.runtime import hooks

ROOT = Path(__file__).parents[2]
KUBERNETES = "1.31"
OBJECTS: list[dict[str, Any]] = [
    document
    for file in sorted((ROOT / "deploy/k8s").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text("utf-8"))
]
COMPOSE: dict[str, Any] = yaml.safe_load(
    (ROOT / "docker-compose.yaml").read_text("utf-8")
)
VARIABLES = {
    variable
    for command in ("serve", "monitor")
    for setting in settings_of(command)
    for variable in setting.variables
}


def one(kind: str, name: str = "raftwerk") -> dict[str, Any]:
    """Return the object of a kind and a name."""
    (found,) = [
        each
        for each in OBJECTS
        if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return found


def pod() -> dict[str, Any]:
    """Return the pods' template."""
    template: dict[str, Any] = one("StatefulSet")["spec"]["template"]
    return template


def container() -> dict[str, Any]:
    """Return the one container of each pod."""
    (only,) = pod()["spec"]["containers"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("manifest", OBJECTS, ids=lambda each: f"{each['kind']}")
def test_each_object_fits_its_schema(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_a_wrong_object_fits_no_schema() -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(
            one("Service") | {"spec": {"prots": []}}, KUBERNETES, strict=True
        )


def test_all_selectors_select_the_pods() -> None:
    labels = pod()["metadata"]["labels"]
    for service in ("raftwerk", "raftwerk-peers"):
        assert one("Service", service)["spec"]["selector"].items() <= labels.items()
    for kind in ("StatefulSet", "PodDisruptionBudget"):
        assert one(kind)["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_pods_find_each_other_before_they_are_ready() -> None:
    peers = one("Service", one("StatefulSet")["spec"]["serviceName"])
    assert peers["spec"]["clusterIP"] == "None"
    assert peers["spec"]["publishNotReadyAddresses"] is True
    assert one("StatefulSet")["spec"]["podManagementPolicy"] == "Parallel"
    told = {each["name"]: each.get("value") for each in container()["env"]}
    assert told["APP_NAME"] == peers["metadata"]["name"]
    assert int(told["NUM_REPLICAS"]) == one("StatefulSet")["spec"]["replicas"]
    for name in ("RAFTWERK_INITIAL_ADVERTISE_PEER_URLS",):
        assert f".{peers['metadata']['name']}:" in told[name]


def test_ports_have_the_names_by_which_services_and_probes_call_them() -> None:
    ports = {each["name"]: each["containerPort"] for each in container()["ports"]}
    assert ports == {"clients": 2379, "peers": 2380}
    for service in ("raftwerk", "raftwerk-peers"):
        for port in one("Service", service)["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container()[probe]["httpGet"] == {"path": path, "port": "clients"}


def test_a_quorum_stays_when_pods_are_moved() -> None:
    replicas = one("StatefulSet")["spec"]["replicas"]
    away = one("PodDisruptionBudget")["spec"]["maxUnavailable"]
    assert replicas - away > replicas / 2


def test_pods_have_no_rights_and_no_foreign_variables() -> None:
    assert pod()["spec"]["enableServiceLinks"] is False
    assert pod()["spec"]["securityContext"]["runAsNonRoot"] is True
    rights = container()["securityContext"]
    assert rights["allowPrivilegeEscalation"] is False
    assert rights["capabilities"] == {"drop": ["ALL"]}


def test_data_lie_where_the_volume_is() -> None:
    (mount,) = container()["volumeMounts"]
    (claim,) = one("StatefulSet")["spec"]["volumeClaimTemplates"]
    assert mount["name"] == claim["metadata"]["name"]
    assert f"RAFTWERK_DATA_DIR={mount['mountPath']}/" in image_text("app")
    # Of the image, so that each replica has its own: one that the compose file names
    # is shared by all replicas where podman-compose reads it.
    assert f"VOLUME {mount['mountPath']}" in image_text("app")
    assert "volumes" not in COMPOSE["services"]["node"]


def test_the_image_is_of_this_version() -> None:
    image = container()["image"]
    assert image == f"{COMPOSE['services']['node']['image']}:{__version__}"


@pytest.mark.parametrize("where", ["Kubernetes", "compose", "images", "systemd"])
def test_each_variable_is_a_setting(where: str) -> None:
    told = {
        "Kubernetes": {each["name"] for each in container()["env"]} - {"POD_NAME"},
        "compose": {
            name
            for service in COMPOSE["services"].values()
            for name in service["environment"]
        },
        "images": {
            word.partition("=")[0]
            for name in ("app", "monitor")
            for word in image_text(name).split()
            if word.startswith(("RAFTWERK_", "ADDRESS="))
        },
        "systemd": {unit()["Service"]["Environment"].partition("=")[0]},
    }[where]
    assert told and told <= VARIABLES


def test_compose_has_the_services_of_the_seed() -> None:
    services = COMPOSE["services"]
    assert list(services) == ["node", "monitor"]
    assert services["node"]["deploy"] == {"mode": "replicated", "replicas": 3}
    assert services["node"]["environment"] == {"APP_NAME": "node", "NUM_REPLICAS": "3"}
    assert services["monitor"]["environment"] == {"MAIN_APP_NAME": "node"}
    assert services["monitor"]["ports"] == ["127.0.0.1:8000:8000"]
    for service in services.values():
        assert (ROOT / service["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("name", ["app", "monitor"])
def test_images_run_without_rights_and_say_how_they_are(name: str) -> None:
    lines = image_text(name).splitlines()
    last_stage = lines[max(i for i, line in enumerate(lines) if "FROM" in line) :]
    words = [line.split()[0] for line in last_stage if line[:1].isupper()]
    assert {"USER", "HEALTHCHECK", "STOPSIGNAL"} <= set(words)
    (user,) = [line for line in last_stage if line.startswith("USER")]
    assert user.split()[1].split(":")[0] not in ("0", "root")


def test_what_an_image_copies_is_sent_to_its_builder() -> None:
    sent = (ROOT / ".dockerignore").read_text("utf-8").split()
    for name in ("app", "monitor"):
        for line in image_text(name).splitlines():
            if line.startswith("COPY") and "--from" not in line:
                for source in shlex.split(line)[1:-1]:
                    assert f"!{source}" in sent and (ROOT / source).exists()


def test_a_service_that_only_a_person_can_mend_is_not_started_again() -> None:
    service = unit()["Service"]
    assert service["RestartPreventExitStatus"] == "2 4"
    assert service["Restart"] == "on-failure"
    assert service["ExecReload"].endswith("-HUP $MAINPID")


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here"
)
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    text = (ROOT / "deploy/systemd/raftwerk.service").read_text("utf-8")
    file = tmp_path / "raftwerk.service"
    file.write_text(text.replace("/usr/local/bin/raftwerk", "/bin/true"), "utf-8")
    said = subprocess.run(
        ["systemd-analyze", "verify", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "raftwerk.service" not in said.stderr, said.stderr


def image_text(name: str) -> str:
    """Return what an image is made from."""
    return (ROOT / f"{name}.Dockerfile").read_text("utf-8")


def unit() -> configparser.ConfigParser:
    """Return the unit of systemd."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keeps case
    parser.read(ROOT / "deploy/systemd/raftwerk.service", "utf-8")
    return parser


def test_who_ends_a_node_gives_it_the_time_that_it_takes() -> None:
    stated = 10
    service = (ROOT / "deploy/systemd/raftwerk.service").read_text("utf-8")
    for text in (
        service,
        (ROOT / "deploy/k8s/raftwerk.yaml").read_text("utf-8"),
        (ROOT / "docker-compose.yaml").read_text("utf-8"),
        (ROOT / "docs/operating/stop-and-restart.md").read_text("utf-8"),
    ):
        assert f"{stated} seconds at most" in text
    # Leadership is handed over first; then requests and scripts have their time.
    handed_over = 10 * ServeConfig().election_timeout_max_millis / 1000
    assert handed_over + serve.STOP_SECONDS <= stated
    assert hooks.STOP_SECONDS + GRACE_SECONDS <= serve.STOP_SECONDS
    assert pod()["spec"]["terminationGracePeriodSeconds"] > stated
    assert COMPOSE["services"]["node"]["stop_grace_period"] == "15s"
    assert "TimeoutStopSec=15" in service
