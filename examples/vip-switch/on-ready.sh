#!/bin/sh
# ToReady: the daemon has started, and nobody owns anything yet. What a crash left behind is removed.
set -eu
# shellcheck source=examples/vip-switch/vip.sh
. "${VIP_SWITCH_DIR:-/etc/vip-switch}/vip.sh"

read_vip_conf
unbind_vip
