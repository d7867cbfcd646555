-- The other three databases; the image makes the first.
CREATE DATABASE annals_read;
CREATE DATABASE annals_identity;
CREATE DATABASE annals_vault;
