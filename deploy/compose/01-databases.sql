-- The image makes the first database; these are the other three.
CREATE DATABASE annals_read;
CREATE DATABASE annals_identity;
CREATE DATABASE annals_vault;
