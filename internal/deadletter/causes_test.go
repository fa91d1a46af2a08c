package deadletter_test

import "testing"

// causes has the errors of databases, clouds, brokers and languages. Each entry is a cause: its texts differ in ids,
// counts, times and addresses alone. Texts of two entries differ in a code, a name or a field.
func causes() [][]string {
	return [][]string{
		// Oracle
		{"500: ORA-00001: unique constraint (SALES.ORDERS_PK) violated"},
		{"500: ORA-00942: table or view does not exist"},
		{"500: ORA-12514: TNS:listener does not currently know of service requested in connect descriptor"},
		{"500: ORA-12541: TNS:no listener"},
		{"500: Error ORA-00001 in batch 17", "500: Error ORA-00001 in batch 9"},
		{"500: Error ORA-00942 in batch 17"},
		// PostgreSQL
		{
			`ERROR: duplicate key value violates unique constraint "orders_pkey" (SQLSTATE 23505)`,
		},
		{`ERROR: insert or update on table "orders" violates foreign key constraint "fk_1" (SQLSTATE 23503)`},
		{"failed with SQLSTATE 23505 after 12ms", "failed with SQLSTATE 23505 after 1.2s"},
		{"failed with SQLSTATE 23503 after 12ms"},
		{"failed with SQLSTATE 40001 after 7ms", "failed with SQLSTATE 40001 after 31 ms"},
		{"failed with SQLSTATE 40P01 after 7ms"},
		{
			"SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '4711' for key 'PRIMARY'",
			"SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '12' for key 'PRIMARY'",
		},
		{"SQLSTATE[42S02]: Base table or view not found: 1146 Table missing"},
		// MySQL, SQL Server, MongoDB, Redis, Cassandra
		{
			"ERROR 1205 (HY000): Lock wait timeout exceeded; try restarting transaction",
		},
		{"ERROR 1213 (40001): Deadlock found when trying to get lock; try restarting transaction"},
		{"Error 1205: transaction 4711 failed", "Error 1205: transaction 99 failed"},
		{"Error 1213: transaction 4711 failed"},
		{
			"Msg 2627, Level 14, State 1, Server db01: violation of a key on row 17",
			"Msg 2627, Level 14, State 1, Server db02: violation of a key on row 18",
		},
		{"Msg 547, Level 16, State 0, Server db01: violation of a key on row 17"},
		{
			"MongoServerError: E11000 duplicate key error collection: shop.orders",
			"MongoServerError: E11000 duplicate key error collection: shop.orders",
		},
		{"MongoServerError: E11600 duplicate key error collection: shop.orders"},
		// Codes of applications
		{"E1001: order 17 is refused", "E1001: order 4711 is refused"},
		{"E2002: order 17 is refused"},
		{"422: E1001", "422: E1001 "},
		{"422: E2002"},
		{"Order 4711 failed (code E1001)", "Order 12 failed (code E1001)"},
		{"Order 4711 failed (code E2002)"},
		{"request req_8sK2mQ11xz failed: ERR_1234", "request req_1bB7nnP0qa failed: ERR_1234"},
		{"request req_8sK2mQ11xz failed: ERR_1235"},
		{"order-service: ERR-4711 for customer 12", "order-service: ERR-4711 for customer 99"},
		{"order-service: ERR-4712 for customer 12"},
		// Microsoft
		{
			"AADSTS50011: The redirect URI does not match. Trace ID: 3f2504e0-4f89-11d3-9a0c-0305e82c3301 " +
				"Timestamp: 2026-03-02 10:15:05Z",
			"AADSTS50011: The redirect URI does not match. Trace ID: 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d " +
				"Timestamp: 2026-05-01 00:00:00Z",
		},
		{
			"AADSTS700016: The redirect URI does not match. Trace ID: 3f2504e0-4f89-11d3-9a0c-0305e82c3301 " +
				"Timestamp: 2026-03-02 10:15:05Z",
		},
		{"Exception from HRESULT: 0x80070005 (request 17)", "Exception from HRESULT: 0x80070005 (request 18)"},
		{"Exception from HRESULT: 0x80070057 (request 17)"},
		{"Exception from HRESULT: 0x80131904 (request 17)"},
		{"Win32Exception (0x80004005): Access is denied at handle 12"},
		{"CS0246: The type could not be found", "CS0246: The type could not be found"},
		{"CS0103: The type could not be found"},
		// Status codes within texts
		{"upstream answered HTTP 404 for order 17", "upstream answered HTTP 404 for order 18"},
		{"upstream answered HTTP 410 for order 17"},
		{"upstream answered HTTP/1.1 502 for order 17", "upstream answered HTTP/1.1 502 for order 18"},
		{"upstream answered HTTP/1.1 504 for order 17"},
		{"AxiosError: Request failed with status code 401"},
		{"AxiosError: Request failed with status code 403"},
		// Node and the errors of systems
		{
			"connect ECONNREFUSED 10.0.0.12:5432", "connect ECONNREFUSED 10.0.0.99:5432",
			"connect ECONNREFUSED ::1:5432", "connect ECONNREFUSED fe80::1ff:fe23:4567:890a:5432",
		},
		{"connect ETIMEDOUT 10.0.0.12:5432"},
		{"connect EHOSTUNREACH 2001:db8::8a2e:370:7334", "connect EHOSTUNREACH 2001:db8::1"},
		{"connect ENETUNREACH 2001:db8::8a2e:370:7334", "connect ENETUNREACH 2001:0db8:0000:0000:0000:ff00:0042:8329"},
		{"dial tcp [2001:db8::1]:443: i/o timeout", "dial tcp [2001:db8::2]:8443: i/o timeout"},
		{"no route to fe80::1%eth0 from here", "no route to fe80::2%eth0 from here"},
		{"client ::ffff:10.0.0.1 is not allowed", "client ::ffff:192.168.17.4 is not allowed"},
		{
			"TypeError [ERR_INVALID_ARG_TYPE]: The argument must be a string",
			"TypeError [ERR_INVALID_ARG_TYPE]: The argument must be a string",
		},
		{"TypeError [ERR_INVALID_URL]: The argument must be a string"},
		{"errno 104: connection reset by peer 10.0.0.1:443", "errno 104: connection reset by peer 10.0.0.2:443"},
		{"errno 110: connection reset by peer 10.0.0.1:443"},
		{
			"OSError: [Errno 28] No space left on device: '/tmp/a1b2'",
			"OSError: [Errno 28] No space left on device: '/tmp/c3d4'",
		},
		// AWS
		{
			"AccessDenied: not allowed (Service: S3, Status Code: 403, Request ID: 8A1B2C3D4E5F6A7B, " +
				"Extended Request ID: eftixk72aD6Ap51TnqcoF8eFidJG9Z/2mkiDFu8yU9AS1ed4OpIszj7UDNEHGran=)",
			"AccessDenied: not allowed (Service: S3, Status Code: 403, Request ID: 0F1E2D3C4B5A6978, " +
				"Extended Request ID: vlR7PnpV2Ce81l0PRw6jlUpck7Jo5ZsQjryTjKlc5aLWGVHPZLj5NeC6qMa0emYB)",
		},
		{"NoSuchKey: not allowed (Service: S3, Status Code: 404, Request ID: 8A1B2C3D4E5F6A7B, " +
			"Extended Request ID: eftixk72aD6Ap51TnqcoF8eFidJG9Z/2mkiDFu8yU9AS1ed4OpIszj7UDNEHGran=)"},
		{
			"User: arn:aws:sts::123456789012:role/orders/i-0abc12de34f567890 is not authorized to sqs:SendMessage",
			"User: arn:aws:sts::123456789012:role/orders/i-0fff12de34f567891 is not authorized to sqs:SendMessage",
		},
		{"instance i-0abc12de34f567890 is not running", "instance i-0fff12de34f567891 is not running"},
		{"volume vol-0abc12de34f567890 is not attached", "volume vol-049df61146c4d7901 is not attached"},
		{
			"trace 1-5759e988-bd862e3fe1be46a994272793 has no segment",
			"trace 1-57ff426a-80c11c39b0c928905eb0828d has no segment",
		},
		// Stripe and others with prefixed ids
		{
			"No such payment_intent: 'pi_3MtwBwLkdIwHu7ix28a3tqPa'",
			"No such payment_intent: 'pi_1DrPlP2eZvKYlo2CSBKG5cHc'",
		},
		{
			"No such charge: ch_3MtwBwLkdIwHu7ix28a3tqPa; code resource_missing",
			"No such charge: ch_1DrPlP2eZvKYlo2CSBKG5cHc; code resource_missing",
		},
		{"Your card was declined. decline_code: insufficient_funds"},
		{"Your card was declined. decline_code: lost_card"},
		{"order ord-7f3a-99bc-x1 is locked", "order ord-81cc-07aa-q9 is locked"},
		{"session sess_ab12_cd34_ef56 has expired", "session sess_99zz_88yy_77xx has expired"},
		{"tracking 1Z-999-AA1-0123456784 is unknown", "tracking 1Z-12E-8W9-0392841115 is unknown"},
		{"key AbC-12_xyZ-98q is not valid", "key qRs-77_tuV-01b is not valid"},
		{"job 01ARZ3NDEKTSV4RRFFQ69G5FAV is lost", "job 01BX5ZZKBKACTAV9WEVGEMMVRZ is lost"},
		{"message CAFj3k-9_xQ2-pL0z=@mail.example.com bounced", "message CAB00a-1_yY7-qM9y=@mail.example.com bounced"},
		{"pod orders-7d9c5b6f4-x2x9k was evicted", "pod orders-6bb4c7d8f9-abc12 was evicted"},
		{"file 20260302_101505_4711.csv is empty", "file 20260501_000000_12.csv is empty"},
		// gRPC, Kafka, nginx, LDAP, Elasticsearch, Salesforce, SAP
		{
			"rpc error: code = Unavailable desc = connection error: dial tcp 10.1.2.3:50051",
			"rpc error: code = Unavailable desc = connection error: dial tcp 10.3.2.1:50051",
		},
		{"rpc error: code = DeadlineExceeded desc = connection error: dial tcp 10.1.2.3:50051"},
		{"4 DEADLINE_EXCEEDED: Deadline exceeded after 4.999s", "4 DEADLINE_EXCEEDED: Deadline exceeded after 10.001s"},
		{"14 UNAVAILABLE: Deadline exceeded after 4.999s"},
		{
			"Expiring 3 record(s) for orders-12: 30014 ms has passed since batch creation",
			"Expiring 17 record(s) for orders-3: 30999 ms has passed since batch creation",
		},
		{
			"2026/03/02 10:15:05 [error] 31#31: *4711 upstream timed out (110: Connection timed out) while reading",
			"2026/05/01 00:00:00 [error] 7#7: *12 upstream timed out (110: Connection timed out) while reading",
		},
		{"2026/03/02 10:15:05 [error] 31#31: *4711 upstream timed out (111: Connection refused) while reading"},
		{
			"LDAP: error code 49 - 80090308: LdapErr: DSID-0C0903A9, comment: x, data 52e, v1db1",
		},
		{
			"LDAP: error code 49 - 80090308: LdapErr: DSID-0C0903A9, comment: x, data 775, v1db1",
		},
		{"LDAP: error code 32 - No Such Object for entry 17", "LDAP: error code 32 - No Such Object for entry 18"},
		{"LDAP: error code 50 - No Such Object for entry 17"},
		{
			"UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record: 0015g00000iLrm2",
			"UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record: 0015g00000yvVI5",
		},
		{"SAP message V1 302: document 4711 is blocked", "SAP message V1 302: document 4712 is blocked"},
		// Java, Python, .NET
		{"java.sql.SQLException: ORA-01400: cannot insert NULL"},
		{"java.sql.SQLException: ORA-01407: cannot insert NULL"},
		{"KeyError: 'order_id' at 0x7f3a2b1c9d10", "KeyError: 'order_id' at 0x7f00aa1c9d98"},
		{"NullReferenceException in OrderService (thread 17)", "NullReferenceException in OrderService (thread 4)"},
		{"SQLITE_BUSY: database is locked"},
		{"SQLITE_IOERR: database is locked"},
		// Names with a digit
		{"OAuth2 token is not valid for customer 17", "OAuth2 token is not valid for customer 18"},
		{"OAuth1 token is not valid for customer 17"},
		{"S3 bucket is full"},
		{"EC2 bucket is full"},
		{"SHA-256 digest of order 17 differs", "SHA-256 digest of order 99 differs"},
		{"SHA-1 digest of order 17 differs"},
		{"TLS 1.2 is required by 10.0.0.1", "TLS 1.2 is required by 10.0.0.9"},
		{"UTF-8 is required"},
		{"UTF-16 is required"},
		// Ids, counts, times, addresses and names that differ
		{"Order ORD-4711 not found", "Order ORD-12 not found"},
		{"Invoice INV-2026-0001: already paid", "Invoice INV-2025-17: already paid"},
		{"INV-2026-0001: already paid", "INV-2025-17: already paid"},
		{"ORD-4711: payment declined", "ORD-12: payment declined"},
		{"CUST00123 not found", "CUST00456 not found"},
		{"No such order: PO12345", "No such order: PO777"},
		{"JIRA-1234 is closed", "JIRA-99 is closed"},
		{"Error: 4711 not found", "Error: 12 not found"},
		{"customer 4f3a not found", "customer 9b1c not found"},
		{"deadlock on table orders_2026_03", "deadlock on table orders_2026_04"},
		{"file /tmp/upload-7f3a.tmp missing", "file /tmp/upload-99bb.tmp missing"},
		{
			"Invalid token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.dozjgNryP4J3jVmN_XgL0n3I",
			"Invalid token eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiI0MiIsIm5hbWUiOiJKIn0.x-y_Za9bcd012",
		},
		{
			"connect to db01.eu-west-1.rds.amazonaws.com:5432 failed",
			"connect to db02.eu-west-1.rds.amazonaws.com:5432 failed",
		},
		{"ip-10-0-12-34.ec2.internal is down", "ip-10-3-1-2.ec2.internal is down"},
		{"request took PT1.5S", "request took PT30S"},
		{"timeout after 30000ms", "timeout after 1m30s", "timeout after 2h"},
		{"2026-03-02T10:15:05Z boom", "2026-05-02T11:00:00.123+02:00 boom"},
		{"expired on Mon, 02 Mar 2026 10:15:05 GMT", "expired on Tue, 05 May 2026 11:00:00 GMT"},
		{"expires on Mar 2, 2026 10:15:05 PM", "expires on May 15, 2026 1:00:00 AM"},
		{"[2026-03-02 10:15:05,427] ERROR boom", "[2026-05-02 11:15:05,001] ERROR boom"},
		{"epoch 1772446505427", "epoch 1772446505999"},
		{"offset 123456 of partition orders-12", "offset 99 of partition orders-3"},
		{"Lock held by 7f3a2b9c@worker-12", "Lock held by 99ffaa00@worker-3"},
		{"thread http-nio-8080-exec-17 died", "thread http-nio-8080-exec-4 died"},
		{"SKU ABC-123-XL out of stock", "SKU XYZ-9-S out of stock"},
		{"phone +49 151 12345678 invalid", "phone +15557654321 invalid"},
		{"amount 12.50 EUR exceeds limit 10.00 EUR", "amount 1,250.00 EUR exceeds limit 500.00 EUR"},
		{"card ending 4242 declined", "card ending 0005 declined"},
		{"version mismatch: expected 12, got 15", "version mismatch: expected 1, got 3"},
		{"Row 17, column 3: value missing", "Row 2, column 19: value missing"},
		{"commit 7f3a2b9 not found", "commit 99bbccd not found"},
		{"failed (attempt 3/5)", "failed (attempt 4/5)"},
		{"at Object.<anonymous> (/app/src/index.js:17:5)", "at Object.<anonymous> (/app/src/index.js:18:9)"},
		{"at 0x00007ff6a1b2c3d4", "at 0x00007ff6ffffff00"},
		{"GUID {3F2504E0-4F89-11D3-9A0C-0305E82C3301} lost", "GUID {9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d} lost"},
		{"nanoid V1StGXR8_Z5jdHi6B-myT lost", "nanoid kq3Rz_9-LmXo1Yt7WvBcD lost", "nanoid -q3Rz_9-LmXo1Yt7WvBc_ lost"},
		{"segment 0ujtsYcgvSTl8PAuAdqWYSMnLOv lost", "segment 0uk1Hbc9dQ9pxyTqJ93IUrfhdGq lost"},
		{"object 507f1f77bcf86cd799439011 lost", "object 65f1a2b3c4d5e6f7a8b9c0d1 lost"},
		{"tweet 1541815603606036480 lost", "tweet 17 lost"},
		{"S3 key uploads/2026/03/02/7f3a.csv not found", "S3 key uploads/2025/12/31/99bb.csv not found"},
		{"partition key user#4711", "partition key user#12"},
		{"Correlation-ID: a1b2-c3d4-e5f6", "Correlation-ID: 99ff-00aa-b1b1"},
		{
			"User 4711 (trace 1234567890abcdef1234567890abcdef) denied",
			"User 12 (trace abcdef1234567890abcdef1234567890) denied",
		},
		{"device 00:1A:2B:3C:4D:5E offline", "device aa:bb:cc:dd:ee:f1 offline"},
		{"SKU A1001 is sold out", "SKU B2002 is sold out"},
		{
			"account AC1f2e3d4c5b6a79880f1e2d3c4b5a6978 suspended",
			"account ACffeeddccbbaa00112233445566778899 suspended",
		},
		{"process 4711 exited", "process 12 exited"},
		{"only 3 of 17 delivered", "only 12 of 12 delivered"},
		{"postal code 12345 invalid", "postal code 99999 invalid"},
		{"code 123456 has expired", "code 654321 has expired"},
		{"coupon code SAVE20 is invalid", "coupon code XMAS24 is invalid"},
		{"duplicate event evt_1MqqbKLt4dXK03v5qaIbiNCC", "duplicate event evt_1NG8Du2eZvKYlo2CUI79vXWy"},
		{"timeout of 30000ms exceeded", "timeout of 5000ms exceeded"},
		{"container orders_web_1 failed", "container orders_web_2 failed"},
		{"tenant t-9f8e has no plan", "tenant t-001a has no plan"},
		{
			"Lambda request 8f507cfc-xmpl-4697-b07a-ac58fc914c95 failed",
			"Lambda request 1234abcd-xmpl-0000-aaaa-0123456789ab failed",
		},
		// Codes that differ
		{"Twilio error 21211: failed"},
		{"Twilio error 21610: failed"},
		{"Code: 1001, Message: failed"},
		{"Code: 1002, Message: failed"},
		{"SMTP 550 5.1.1"},
		{"SMTP 421 4.7.0"},
		{"SMTP 550 5.7.1"},
		{"process exited with exit code 137"},
		{"process exited with exit code 143"},
		{"killed by signal 9"},
		{"killed by signal 15"},
		{"DB2 SQL Error: SQLCODE=-803, SQLSTATE=23505"},
		{"DB2 SQL Error: SQLCODE=-911, SQLSTATE=40001"},
		{"SQL0803N failed"},
		{"SQL0911N failed"},
		{"MQ reason code 2035"},
		{"MQ reason code 2009"},
		{"PAY-1001"},
		{"PAY-1002"},
		{"grpc-status: 14"},
		{"grpc-status: 4"},
		{"Kafka error_code=3"},
		{"Kafka error_code=7"},
		{"statusCode=422 from x"},
		{"statusCode=409 from x"},
		{"status=422 from x"},
		{"status=409 from x"},
		{"Response code was 503"},
		{"Response code was 504"},
		{"upstream returned 503"},
		{"upstream returned 504"},
		{"BEA-000337: failed"},
		{"BEA-000449: failed"},
		{"AMQ9208E: failed"},
		{"AMQ9209E: failed"},
		{"WFLYCTL0212: failed"},
		{"WFLYCTL0175: failed"},
		{"failed [code=E_17]"},
		{"failed [code=E_18]"},
		{`{"code":"E1001"}`},
		{`{"code":"E1002"}`},
		{"err_17"},
		{"err_18"},
		{"DPY-4011: the database closed the connection"},
		{"DPY-6005: the database closed the connection"},
		{"CVE-2021-44228 found"},
		{"CVE-2014-0160 found"},
		{"AADB2C90118: failed"},
		{"AADB2C90091: failed"},
		{"PHP error E_17"},
		{"PHP error E_18"},
		{"error -1007"},
		{"error -1009"},
		{"NSURLErrorDomain Code=-1001"},
		{"NSURLErrorDomain Code=-1009"},
		{"HRESULT E_FAIL 0x80004005"},
		{"HRESULT E_FAIL 0x80070005"},
		{"ESOCKETTIMEDOUT"},
		{"ECONNRESET"},
		{"RFC 7807 violated"},
		{"RFC 6585 violated"},
		{"HTTP status 409"},
		{"HTTP status 422"},
		{"HTTP Error 403: refused"},
		{"HTTP Error 404: refused"},
		{"Got response 500 from x"},
		{"Got response 502 from x"},
	}
}

func TestErrorsAreGroupedByTheirCodes(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	for _, cause := range causes() {
		key := fingerprint(cause[0])
		for _, text := range cause[1:] {
			if fingerprint(text) != key {
				t.Errorf("two causes:\n\t%s\n\t%s", cause[0], text)
			}
		}
		if other, ok := texts[key]; ok {
			t.Errorf("one cause:\n\t%s\n\t%s", other, cause[0])
		}
		texts[key] = cause[0]
	}
}
