-- The journal of every deployment. Entries are only ever added.
CREATE TABLE deployment (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    created TEXT NOT NULL,
    closed  TEXT             -- when nothing of it was left anywhere
) STRICT;

-- A name belongs to one live deployment; a closed one frees it.
CREATE UNIQUE INDEX one_live_deployment_a_name ON deployment (name) WHERE closed IS NULL;

CREATE TABLE plan (
    deployment TEXT NOT NULL REFERENCES deployment (id),
    number     INTEGER NOT NULL,
    plan       TEXT NOT NULL, -- JSON
    PRIMARY KEY (deployment, number)
) STRICT;

CREATE TABLE entry (
    deployment TEXT NOT NULL REFERENCES deployment (id),
    number     INTEGER NOT NULL,
    at         TEXT NOT NULL, -- RFC 3339, UTC
    entry      TEXT NOT NULL, -- JSON
    PRIMARY KEY (deployment, number)
) STRICT;

-- The host key that a machine showed at its first contact.
CREATE TABLE host_key (
    deployment TEXT NOT NULL REFERENCES deployment (id),
    machine    TEXT NOT NULL, -- its step
    host_key   TEXT NOT NULL, -- OpenSSH, one line
    PRIMARY KEY (deployment, machine)
) STRICT;
