# As root: lets the fabric manager of NVIDIA's driver run, now and after each start of the machine. It sets up the NVSwitches
# before it is said to run; one that ran already may be of the version before.
systemctl enable nvidia-fabricmanager && systemctl restart nvidia-fabricmanager && exit
echo "the service nvidia-fabricmanager can't be started" >&2
systemctl --no-pager --lines=5 status nvidia-fabricmanager >&2
exit 1
