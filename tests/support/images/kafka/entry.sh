#!/bin/sh
# Formats the storage and runs the broker: KAFKA_SOME_NAME in the environment is property some.name.
set -eu
properties=/tmp/server.properties
{
  echo "log.dirs=/var/lib/kafka/logs"
  env | grep '^KAFKA_' | while IFS='=' read -r name value; do
    printf '%s=%s\n' "$(printf '%s' "${name#KAFKA_}" | tr 'A-Z_' 'a-z.')" "$value"
  done
} >"$properties"
java -Xmx128m -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' kafka.tools.StorageTool \
  format --ignore-formatted -t MkU3OEVBNTcwNTJENDM2Qg -c "$properties"
exec java -Xmx512m -Xms128m -XX:+ExitOnOutOfMemoryError -cp '/opt/kafka/libs/*' kafka.Kafka "$properties"
