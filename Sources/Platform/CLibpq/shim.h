#ifndef CLIBPQ_SHIM_H
#define CLIBPQ_SHIM_H

#include <libpq-fe.h>

// The fields of an error report. libpq names them by character macros, which Swift can't import.
static const int PQ_DIAG_SEVERITY_NONLOCALIZED = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int PQ_DIAG_SQLSTATE = PG_DIAG_SQLSTATE;
static const int PQ_DIAG_MESSAGE_PRIMARY = PG_DIAG_MESSAGE_PRIMARY;
static const int PQ_DIAG_MESSAGE_DETAIL = PG_DIAG_MESSAGE_DETAIL;
static const int PQ_DIAG_MESSAGE_HINT = PG_DIAG_MESSAGE_HINT;
static const int PQ_DIAG_STATEMENT_POSITION = PG_DIAG_STATEMENT_POSITION;
static const int PQ_DIAG_TABLE_NAME = PG_DIAG_TABLE_NAME;
static const int PQ_DIAG_COLUMN_NAME = PG_DIAG_COLUMN_NAME;
static const int PQ_DIAG_CONSTRAINT_NAME = PG_DIAG_CONSTRAINT_NAME;
static const int PQ_DIAG_SOURCE_FUNCTION = PG_DIAG_SOURCE_FUNCTION;

#endif
