#!/bin/sh
# ToMaster: this node has become the owner. Binds the address of vip.conf and tells the neighbours.
set -eu
# shellcheck source=examples/vip-switch/vip.sh
. "${VIP_SWITCH_DIR:-/etc/vip-switch}/vip.sh"

read_vip_conf
bind_vip
announce_vip
