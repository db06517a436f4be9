# Formats the storage at the first start, with a login for each line of the users' file; runs the node.
set -eu
settings=/etc/kafka/server.properties
program() { java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp '/opt/kafka/libs/*' "$@"; }
if [ ! -e /var/lib/kafka/data/meta.properties ]; then
  set --
  while read -r user; do set -- "$@" --add-scram "SCRAM-SHA-512=[$user]"; done < /run/secrets/kafka/users
  program kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qg -c "$settings" "$@" > /dev/null
fi
exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:+ExitOnOutOfMemoryError -cp '/opt/kafka/libs/*' \
  kafka.Kafka "$settings"
