#!/usr/bin/env bash
# Checks the images' Dockerfiles, docker-compose.yml, the Kubernetes manifests, Prometheus' alerts and the scripts beside
# them, without a container engine or a cluster. Needs python3 with venv, and kubectl for rendering: installs what is missing when it is
# root on a Debian machine, else names the command that does. The tools come from PyPI, once;
# promtool out of Debian's package of Prometheus, which is not installed for it.
set -euo pipefail
cd "$(dirname "$0")/.."

need() { # PACKAGE COMMAND...
    "${@:2}" >/dev/null 2>&1 && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing $1"
        apt-get install --yes --no-install-recommends "$1" >/dev/null 2>&1 ||
            { apt-get update >/dev/null && apt-get install --yes --no-install-recommends "$1" >/dev/null; }
    else
        echo "missing for this check; run: sudo apt-get install $1" >&2
        exit 1
    fi
}
need python3-venv python3 -c 'import venv, ensurepip'
need kubernetes-client kubectl version --client

target=${CARGO_TARGET_DIR:-target}
tools=$target/deploy-check/$(sha256sum deploy/requirements.txt | cut -c1-12)
if [ ! -e "$tools/complete" ]; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --requirement deploy/requirements.txt
    touch "$tools/complete"
fi

echo "Dockerfiles"
"$tools/bin/hadolint" deploy/docker/*.Dockerfile

echo "scripts"
"$tools/bin/shellcheck" deploy/*.sh deploy/docker/http-ok

echo "docker-compose.yml"
"$tools/bin/check-jsonschema" --quiet --builtin-schema vendor.compose-spec docker-compose.yml

echo "deploy/prometheus"
promtool=$(command -v promtool || true)
if [ -z "$promtool" ]; then
    promtool=$tools/prometheus/usr/bin/promtool
    if [ ! -x "$promtool" ] && command -v apt-get >/dev/null; then
        (
            mkdir -p "$tools/prometheus" && cd "$tools/prometheus"
            apt-get download prometheus >/dev/null 2>&1 ||
                { apt-get update >/dev/null 2>&1 && apt-get download prometheus >/dev/null 2>&1; } || exit 0
            dpkg-deb --extract prometheus_*.deb .
            rm prometheus_*.deb
        )
    fi
fi
if [ -x "$promtool" ]; then
    "$promtool" check rules deploy/prometheus/alerts.yaml >/dev/null
    "$promtool" test rules deploy/prometheus/alerts_test.yaml >/dev/null
else
    echo "deploy/prometheus not checked: there is no promtool here, and no apt-get to get it by"
fi

rendered=$(mktemp --directory)
trap 'rm -rf "$rendered"' EXIT
rules() { "$tools/bin/python" deploy/check_manifests.py "$1"; }

echo "k8s/base"
kubectl kustomize k8s/base >"$rendered/base.yaml"
"$tools/bin/kubernetes-validate" --strict --quiet -k 1.34 "$rendered/base.yaml" k8s/secrets.example.yaml
rules "$rendered/base.yaml"

# Kubernetes' own schemas do not know KEDA's kind: only the rules are checked here.
if kubectl version --client 2>/dev/null | grep -q 'Minor:"20"'; then
    echo "k8s/overlays/keda not checked: kubectl 1.20 cannot render it, a newer one can"
else
    echo "k8s/overlays/keda"
    kubectl kustomize k8s/overlays/keda >"$rendered/keda.yaml"
    rules "$rendered/keda.yaml"
fi
echo "all well"
