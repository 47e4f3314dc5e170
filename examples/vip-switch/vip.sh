# What the four scripts of vip-switch share. They read it with `.`; it does nothing by itself.
# shellcheck shell=sh
#
# vip.conf is read here, never sourced: a line of it that is more than NAME=value ends the script, whatever it holds.
# Nothing of it is evaluated, each value is checked before it is used, and none is printed.

VIP_SWITCH_DIR=${VIP_SWITCH_DIR:-/etc/vip-switch}
VIP_CONF=${VIP_CONF:-$VIP_SWITCH_DIR/vip.conf}
CARRIAGE_RETURN=$(printf '\r')

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# Sets VIP_ADDRESS (with its length), INTERFACE, ARP_COUNT and ARP_DELAY_MS.
read_vip_conf() {
    VIP_ADDRESS=''
    INTERFACE=''
    ARP_COUNT=3
    ARP_DELAY_MS=200
    [ -f "$VIP_CONF" ] || die "$VIP_CONF: there is no such file"
    [ -r "$VIP_CONF" ] || die "$VIP_CONF cannot be read"
    number=0
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        take_line
    done <"$VIP_CONF"
    check_address
    check_interface
    check_number ARP_COUNT "$ARP_COUNT" 100
    check_number ARP_DELAY_MS "$ARP_DELAY_MS" 60000
}

# Keeps what $line says.
take_line() {
    line=${line%"$CARRIAGE_RETURN"}
    line=${line#"${line%%[![:blank:]]*}"}
    case $line in
        '' | '#'*) return ;;
        export[[:blank:]]*)
            line=${line#export}
            line=${line#"${line%%[![:blank:]]*}"}
            ;;
    esac
    value=${line#*=}
    [ "$value" != "$line" ] || die "$VIP_CONF: line $number is not NAME=value"
    unquote
    case ${line%%=*} in
        VIP_ADDRESS) VIP_ADDRESS=$value ;;
        INTERFACE) INTERFACE=$value ;;
        ARP_COUNT) ARP_COUNT=$value ;;
        ARP_DELAY_MS) ARP_DELAY_MS=$value ;;
        *) say "$VIP_CONF: line $number sets what nobody here knows: skipped" ;;
    esac
}

# Takes quotes and a comment off $value.
unquote() {
    case $value in
        '"'*'"'*)
            value=${value#?}
            rest=${value#*'"'}
            value=${value%%'"'*}
            ;;
        "'"*"'"*)
            value=${value#?}
            rest=${value#*"'"}
            value=${value%%"'"*}
            ;;
        *)
            rest=${value#"${value%%[[:blank:]]*}"}
            value=${value%%[[:blank:]]*}
            ;;
    esac
    case $rest in
        '' | [[:blank:]]*) rest=${rest#"${rest%%[![:blank:]]*}"} ;;
    esac
    case $rest in
        '' | '#'*) ;;
        *) die "$VIP_CONF: line $number has more than one value" ;;
    esac
}

check_address() {
    case $VIP_ADDRESS in
        '') die "$VIP_CONF: VIP_ADDRESS is missing" ;;
        *[!0-9A-Fa-f.:/]* | /* | */ | */*/*) die "$VIP_CONF: VIP_ADDRESS is no ADDRESS/LENGTH" ;;
        */*) ;;
        *:*) VIP_ADDRESS=$VIP_ADDRESS/128 ;;
        *) VIP_ADDRESS=$VIP_ADDRESS/32 ;;
    esac
}

check_interface() {
    case $INTERFACE in
        '') die "$VIP_CONF: INTERFACE is missing" ;;
        -* | . | .. | *[!0-9A-Za-z_.:-]* | ????????????????*) die "$VIP_CONF: INTERFACE is no name of an interface" ;;
    esac
}

check_number() { # NAME VALUE MOST
    case $2 in
        '' | *[!0-9]* | 0?* | ??????*) die "$VIP_CONF: $1 is no number from 0 to $3" ;;
    esac
    [ "$2" -le "$3" ] || die "$VIP_CONF: $1 is no number from 0 to $3"
}

# Binds the address; done already is well done. An IPv6 address is usable at once (nodad), and deprecated: what this
# machine begins itself does not come from an address that may leave.
bind_vip() {
    case $VIP_ADDRESS in
        *:*) ip -6 address replace "$VIP_ADDRESS" dev "$INTERFACE" nodad valid_lft forever preferred_lft 0 ;;
        *) ip -4 address replace "$VIP_ADDRESS" dev "$INTERFACE" ;;
    esac
}

# Removes the address, whatever its length is; not there is well removed. What counts is what the kernel says then.
unbind_vip() {
    bound_vips | while read -r bound; do
        ip address delete "$bound" dev "$INTERFACE" || say "$INTERFACE: an address could not be removed"
    done
    left=$(bound_vips)
    [ -z "$left" ] || die "$INTERFACE still has the address"
}

# ADDRESS/LENGTH of each time that $INTERFACE has it: none, or one. The other interfaces are nobody's business here.
bound_vips() {
    shown=$(ip -o address show to "${VIP_ADDRESS%/*}") || die "ip does not tell which addresses there are"
    printf '%s\n' "$shown" | while read -r _ device _ bound _; do
        [ "$device" != "$INTERFACE" ] || printf '%s\n' "$bound"
    done
}

# Tells the neighbours. Nobody to do it is not worth giving the address up: they find it when they ask again.
announce_vip() {
    [ "$ARP_COUNT" -gt 0 ] || return 0
    if command -v alived >/dev/null; then
        alived announce --interface "$INTERFACE" --count "$ARP_COUNT" --delay-ms "$ARP_DELAY_MS" "$VIP_ADDRESS" ||
            say "$INTERFACE: the address is bound, but the neighbours were not told"
        return
    fi
    case $VIP_ADDRESS in
        *:*) say "$INTERFACE: the address is bound, but without the command alived no neighbour is told" ;;
        *) announce_by_arping ;;
    esac
}

# iputils' arping waits a second behind each packet: in the background, so that the pace is that of vip.conf.
announce_by_arping() {
    if ! command -v arping >/dev/null; then
        say "$INTERFACE: the address is bound, but there is neither alived nor arping to tell the neighbours"
        return
    fi
    pause=$(printf '%d.%03d' $((ARP_DELAY_MS / 1000)) $((ARP_DELAY_MS % 1000)))
    sent=0
    while [ "$sent" -lt "$ARP_COUNT" ]; do
        [ "$sent" -eq 0 ] || sleep "$pause"
        arping -q -U -c 1 -w 1 -I "$INTERFACE" "${VIP_ADDRESS%/*}" || say "$INTERFACE: arping failed" &
        sent=$((sent + 1))
    done
    wait
}
