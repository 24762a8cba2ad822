"""What is in the images, and what is not."""

import json

import pytest

from engine import BASE_IMAGE, REPOSITORY, docker, docker_lines
from stack import SERVICES, TARGETS

SIZE_MAX_BYTES = 120_000_000
BUILD_TOOLS = ("gcc", "cc", "ld", "make", "cmake", "ninja", "pkg-config", "protoc", "git")


@pytest.mark.parametrize("target", ("gateway", "redis", *SERVICES, "keys"))
def test_an_image_is_small(images, target):
    assert int(docker("image", "inspect", "-f", "{{.Size}}", images.name(target))) < SIZE_MAX_BYTES


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_nobody_under_tini_with_a_health_check(images, target):
    config = json.loads(docker("image", "inspect", "-f", "{{json .Config}}", images.name(target)))
    assert config["User"] == "zpresence"
    assert config["Entrypoint"][0] == "tini"
    assert config["Healthcheck"]["Test"][0] == "CMD"


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_of_the_build_is_in_an_image(images, target):
    look = (f"type -P {' '.join(BUILD_TOOLS)}; "
            "find / -xdev \\( -name '*.[cho]' -o -path /src \\) -not -path '/usr/share/*' 2>/dev/null; true")
    found = docker("run", "--rm", "--network", "none", "--entrypoint", "bash", images.name(target), "-c", look)
    assert found == ""


@pytest.mark.parametrize("target", SERVICES)
def test_each_image_has_its_own_program_and_no_other(images, target):
    programs = docker("run", "--rm", "--network", "none", "--entrypoint", "ls", images.name(target), "/usr/local/bin").split()
    assert sorted(programs) == sorted(["healthcheck", "start-service", target])


@pytest.mark.parametrize("target", TARGETS)
def test_every_package_of_an_image_is_listed_with_a_version(images, target):
    lines = (REPOSITORY / "docker" / "packages.txt").read_text().splitlines()
    pinned = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    base, here = (set(docker_lines("run", "--rm", "--network", "none", "--entrypoint", "dpkg-query", image, "-W", "-f",
                                   "${Package}\n")) for image in (BASE_IMAGE, images.name(target)))
    assert here > base
    assert {package for package in here - base if not pinned.get(package)} == set()
