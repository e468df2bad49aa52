# As root: enables and restarts the fabric manager of NVIDIA's driver. The service counts as started once it has configured the
# NVSwitches. Restart it, because a running one may be of the previous version.
systemctl enable nvidia-fabricmanager && systemctl restart nvidia-fabricmanager && exit
echo "the service nvidia-fabricmanager can't be started" >&2
systemctl --no-pager --lines=5 status nvidia-fabricmanager >&2
exit 1
