"""What schemas cannot say about rendered manifests: check_manifests.py FILE prints each broken rule, and fails on any."""

import sys

import yaml


def pods(manifests):
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "Job"):
            yield manifest["kind"], manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def broken_pod_rules(manifests):
    for kind, name, pod in pods(manifests):
        if pod.get("enableServiceLinks") is not False:
            yield f"{name}: Services are put into its environment"
        if not pod.get("securityContext", {}).get("runAsNonRoot"):
            yield f"{name}: may run as root"
        for container in pod.get("initContainers", []) + pod["containers"]:
            if not container.get("securityContext", {}).get("readOnlyRootFilesystem"):
                yield f"{name}/{container['name']}: can write its own files"
            if "memory" not in container.get("resources", {}).get("limits", {}):
                yield f"{name}/{container['name']}: no bound on memory"
            if kind == "Deployment":
                for probe, path in (("livenessProbe", "/health/live"), ("readinessProbe", "/health/ready")):
                    if container.get(probe, {}).get("httpGet", {}).get("path") != path:
                        yield f"{name}/{container['name']}: no {probe} on {path}"


def broken_scaling_rules(manifests):
    partitions = min(
        int(value)
        for manifest in manifests
        if manifest["kind"] == "ConfigMap"
        for key, value in manifest["data"].items()
        if key.endswith("__KAFKA__PARTITIONS")
    )
    scalers = [
        (manifest["spec"].get("minReplicas", manifest["spec"].get("minReplicaCount", 0)),
         manifest["spec"].get("maxReplicas", manifest["spec"].get("maxReplicaCount", 100)))
        for manifest in manifests
        if manifest["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
        and manifest["spec"]["scaleTargetRef"]["name"] == "query-service-projector"
    ]
    if len(scalers) != 1:
        yield f"the projector has {len(scalers)} autoscalers, which is not one"
    for least, most in scalers:
        if least < 1 or most > partitions:
            yield f"the projector may have {least} to {most} replicas, which is not within 1 to {partitions} partitions"

    scaled = {
        manifest["spec"]["scaleTargetRef"]["name"]
        for manifest in manifests
        if manifest["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")
    }
    for manifest in manifests:
        # An applied number of copies would undo the autoscaler's at each rollout.
        if manifest["kind"] == "Deployment" and manifest["metadata"]["name"] in scaled and "replicas" in manifest["spec"]:
            yield f"{manifest['metadata']['name']}: says its copies and has an autoscaler"

    deployments = {m["metadata"]["name"] for m in manifests if m["kind"] == "Deployment"}
    budgets = {m["metadata"]["name"] for m in manifests if m["kind"] == "PodDisruptionBudget"}
    for name in sorted(deployments - budgets):
        yield f"{name}: no disruption budget"


def main(path):
    with open(path, encoding="utf-8") as file:
        manifests = [manifest for manifest in yaml.safe_load_all(file) if manifest]
    broken = [*broken_pod_rules(manifests), *broken_scaling_rules(manifests)]
    print("\n".join(broken), end="\n" if broken else "")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
