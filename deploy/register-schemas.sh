#!/bin/sh
# register-schemas.sh REGISTRY_URL FOLDER [PREFIX]
# Does what `cargo xtask schemas register` does, where there is only curl: registers FOLDER/<topic>/<Type>.avsc under the
# subject <PREFIX><topic>-<namespace>.<Type>, each with FULL_TRANSITIVE compatibility; the namespace is the topic with _ for
# each -, which Avro does not allow. A repeat changes nothing.
# REGISTRY_URL is the root of a Confluent-compatible API.
set -eu
registry=${1%/} folder=$2 prefix=${3:-}

send() { # METHOD PATH, body from standard input
    curl --silent --show-error --fail --max-time 20 --retry 10 --retry-connrefused --retry-delay 3 --request "$1" \
        --header 'Content-Type: application/vnd.schemaregistry.v1+json' --data-binary @- "$registry/$2"
}

for file in "$folder"/*/*.avsc; do
    [ -e "$file" ] || { echo "no schema in $folder" >&2; exit 1; }
    topic=$(basename "$(dirname "$file")")
    namespace=$(printf '%s' "$topic" | tr - _)
    subject="$prefix$topic-$namespace.$(basename "$file" .avsc)"
    # The file's exact text as one JSON string.
    text=$(awk '{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "%s\\n", $0 }' "$file")
    answer=$(printf '{"schema": "%s"}' "$text" | send POST "subjects/$subject/versions")
    # After the schema: Apicurio knows a subject's rule only once the subject exists.
    printf '{"compatibility": "FULL_TRANSITIVE"}' | send PUT "config/$subject" >/dev/null
    echo "$subject $answer"
done
