#!/usr/bin/env bash
# Starts and stops the real Apache Kafka that the tests run against: one KRaft node on 127.0.0.1, made for the occasion.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
jars=$here/target/dependency
start_seconds=60

usage() {
    cat <<'USAGE'
usage: kafka.sh start|crash|again|stop|status|fetch [--dir DIR] [--port N] [--second ADDRESS] [--advertise ADDRESS]
                [--join DIR] [--secure DIR] [--user NAME:PASSWORD] [--set NAME=VALUE]

  start   fetches Kafka's jars (once, by Maven), starts a broker with empty topics, waits until it answers and prints
          its address as the last line. Nothing to do when it runs already.
  crash   kills it and keeps what it stored.
  again   starts it on what it had stored, at the same address.
  stop    kills it and removes what it stored.
  status  tells whether it runs; exit status 1 when it does not.
  fetch   fetches the jars alone.

  --dir DIR   where it keeps its data and log (default: run/ beside this script); a directory is a broker
  --port N    the port to listen on (default: one that is free)
  --second HOST:PORT     an address to listen on beside
  --advertise HOST:PORT  what clients that come to the second address are told to use: a proxy in front of it, say
                         (default: the second address itself)
  --join DIR  be the second broker of the one whose directory that is, instead of one for itself
  --secure DIR           listen for SSL, which asks for client certificates, and for SASL_SSL (PLAIN, SCRAM-SHA-512)
              beside; the files `ssl` and `sasl_ssl` in its directory tell where. DIR has broker.pem, its key and
              certificate, and clients.pem, who signs those of clients
  --user NAME:PASSWORD   who may come by SASL
  --set NAME=VALUE       a property of the broker's; may stand several times

KAFKA_JAVA_OPTIONS replaces the options for java that keep it small.
USAGE
}

say() { echo "kafka: $*" >&2; }
die() {
    say "$@"
    exit 1
}

# The broker's process id, if it lives. A number left behind by a killed machine may belong to somebody else by now, so
# its command line has to name our directory.
running() {
    local pid
    pid=$(cat "$dir/pid" 2>/dev/null) || return 1
    grep -qaF "$dir/server.properties" "/proc/$pid/cmdline" 2>/dev/null || return 1
    echo "$pid"
}

listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the ports that the kernel gives to outgoing connections, so that none of those takes it in the meantime.
free_port() {
    local port
    for _ in {1..50}; do
        port=$((15000 + RANDOM % 15000))
        if ! listening "$port"; then
            echo "$port"
            return
        fi
    done
    die "found no free port between 15000 and 30000"
}

fetch() {
    local stamp
    stamp=$here/target/fetched-$(cksum <"$here/pom.xml" | tr ' ' -)
    mkdir -p "$here/target"
    exec 9>"$here/target/lock"
    flock 9 # two runs at once: the second waits and finds the jars
    if [ ! -e "$stamp" ]; then
        say "fetching its jars by Maven (about 45 MB, once)"
        rm -rf "$jars"
        mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies >&2 || die "Maven could not fetch the jars"
        touch "$stamp"
    fi
    exec 9>&-
}

# Listeners that take strangers, from certificates that the caller has made.
secure_listeners() {
    local name port
    for name in ssl sasl_ssl; do
        port=$(free_port)
        echo "127.0.0.1:$port" >"$dir/$name"
        listeners+=,${name^^}://127.0.0.1:$port
    done
    properties+="listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECOND:PLAINTEXT,CONTROLLER:PLAINTEXT"
    properties+=",SSL:SSL,SASL_SSL:SASL_SSL"$'\n'
    properties+="ssl.keystore.type=PEM"$'\n'"ssl.keystore.location=$secure/broker.pem"$'\n'
    properties+="ssl.truststore.type=PEM"$'\n'"ssl.truststore.location=$secure/clients.pem"$'\n'
    properties+="listener.name.ssl.ssl.client.auth=required"$'\n'
    properties+="sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512"$'\n'
    properties+="listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule"
    properties+=" required user_${user%%:*}=\"${user#*:}\";"$'\n'
    properties+="listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config="
    properties+="org.apache.kafka.common.security.scram.ScramLoginModule required;"$'\n'
    storage_options=(--add-scram "SCRAM-SHA-512=[name=${user%%:*},password=${user#*:}]")
}

configure() {
    local controller_port controller='' cluster roles=broker,controller node=1 listeners=''
    local storage_options=()
    mkdir -p "$dir"
    [ -z "$secure" ] || secure_listeners
    if [ -z "$join" ]; then
        controller_port=$(free_port)
        controller=,CONTROLLER://127.0.0.1:$controller_port
        # Any 16 bytes in URL-safe base64 will do; one that begins with '-' would be taken for an option.
        cluster=T$(head -c 16 /dev/urandom | base64 | tr '+/' '__' | cut -c 2-22)
    else
        roles=broker node=2
        controller_port=$(sed -n 's/^controller.quorum.voters=.*://p' "$join/server.properties")
        cluster=$(sed -n 's/^cluster.id=//p' "$join/data/meta.properties")
    fi
    sed -e "s|@DIR@|$dir|" -e "s|@PORT@|$port|" -e "s|@CONTROLLER_PORT@|$controller_port|" \
        -e "s|@ROLES@|$roles|" -e "s|@NODE@|$node|" \
        -e "s|@CONTROLLER@|$controller|" \
        -e "s|@SECOND@|${second:+,SECOND://$second}$listeners|" \
        -e "s|@ADVERTISED@|${second:+,SECOND://${advertise:-$second}}$listeners|" \
        "$here/server.properties" >"$dir/server.properties"
    printf '%s' "$properties" >>"$dir/server.properties"
    java -cp "$jars/*" "-Dlog4j2.configurationFile=$here/log4j2.properties" kafka.tools.StorageTool \
        format -t "$cluster" -c "$dir/server.properties" "${storage_options[@]}" \
        >"$dir/broker.log" 2>&1 || { tail -n 20 "$dir/broker.log" >&2; die "could not format $dir"; }
}

# Whether the process lives that was just launched: for a moment it does not yet bear java's command line.
launched() { kill -0 "$(cat "$dir/pid")" 2>/dev/null; }

wait_until_it_answers() {
    local deadline=$((SECONDS + start_seconds))
    until grep -q "Kafka Server started" "$dir/broker.log" && listening "$port"; do
        if ! launched || [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 40 "$dir/broker.log" >&2
            ! launched || kill -KILL "$(cat "$dir/pid")"
            die "the broker did not come up within $start_seconds s; its log is above, its files are in $dir"
        fi
        sleep 0.1
    done
}

start() {
    local pid
    if pid=$(running); then
        say "runs already (process $pid)"
        cat "$dir/address"
        return
    fi
    command -v java >/dev/null || die "needs java 17 or later: deploy/install-deps.sh test"
    command -v mvn >/dev/null || die "needs mvn: deploy/install-deps.sh test"
    clean
    fetch
    port=${port:-$(free_port)}
    listening "$port" && die "port $port is taken; give another one by --port"
    say "starting a broker on 127.0.0.1:$port, data in $dir"
    configure
    launch
    echo "127.0.0.1:$port" >"$dir/address"
    say "up after $SECONDS s"
    cat "$dir/address"
}

launch() {
    local options
    read -ra options <<<"${KAFKA_JAVA_OPTIONS:--Xms256m -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}"
    setsid java "${options[@]}" -cp "$jars/*" "-Dlog4j2.configurationFile=$here/log4j2.properties" \
        kafka.Kafka "$dir/server.properties" </dev/null >>"$dir/broker.log" 2>&1 &
    echo $! >"$dir/pid"
    wait_until_it_answers
}

crash() {
    local pid
    pid=$(running) || die "does not run"
    kill -KILL "$pid"
    while running >/dev/null; do sleep 0.05; done
    say "killed (process $pid)"
}

again() {
    [ -e "$dir/address" ] || die "nothing was started in $dir"
    running >/dev/null && die "runs still"
    port=$(sed 's/.*://' "$dir/address")
    : >"$dir/broker.log" # whose last start is waited for
    launch
    say "up again after $SECONDS s"
}

# Only what start made: somebody may have given a directory that holds more.
clean() {
    rm -rf "$dir/data" "$dir/server.properties" "$dir/broker.log" "$dir/pid" "$dir/address" "$dir/ssl" "$dir/sasl_ssl"
    rmdir "$dir" 2>/dev/null || true
}

stop() {
    local pid
    if pid=$(running); then
        kill -KILL "$pid" # its data goes too, so there is nothing to put in order
        while running >/dev/null; do sleep 0.05; done
        say "stopped (process $pid)"
    else
        say "does not run"
    fi
    clean
}

status() {
    local pid
    if pid=$(running); then
        say "runs (process $pid)"
        cat "$dir/address"
    else
        say "does not run"
        return 1
    fi
}

verb=${1:-}
[ $# -eq 0 ] || shift
dir=$here/run
port=
properties=
second=
advertise=
join=
secure=
user=
while [ $# -gt 0 ]; do
    case $1 in
    --set | --dir | --port | --second | --advertise | --join | --secure | --user)
        [ $# -ge 2 ] || die "$1 needs a value"
        case $1 in
        --dir) dir=$(realpath -m "$2") ;;
        --port) port=$2 ;;
        --second) second=$2 ;;
        --advertise) advertise=$2 ;;
        --set) properties+=$2$'\n' ;;
        --join) join=$(realpath -m "$2") ;;
        --secure) secure=$(realpath -m "$2") ;;
        --user) user=$2 ;;
        esac
        shift 2
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
done
[ -z "$secure" ] || [[ $user == ?*:?* ]] || die "--secure needs --user NAME:PASSWORD"
[[ $port =~ ^[0-9]*$ ]] || die "--port takes a number"

case $verb in
start | crash | again | stop | status | fetch) "$verb" ;;
-h | --help | help) usage ;;
*)
    usage >&2
    exit 2
    ;;
esac
