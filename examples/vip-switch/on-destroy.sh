#!/bin/sh
# ToDestroy: the daemon ends, whether it was the owner or not. Leaves nothing behind.
set -eu
# shellcheck source=examples/vip-switch/vip.sh
. "${VIP_SWITCH_DIR:-/etc/vip-switch}/vip.sh"

read_vip_conf
unbind_vip
