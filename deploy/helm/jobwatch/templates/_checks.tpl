{{- /* What no schema can say. Every mistake is told at once, with its key and with what would be right. */ -}}
{{- define "jobwatch.checks" -}}
{{- with include "jobwatch.wrong.nothing" . | fromYamlArray }}{{ fail (printf "\n%s" (join "\n" .)) }}{{ end -}}
{{- $found := list -}}
{{- range list "names" "sources" "secretFiles" "place" "environment" "account" -}}
{{- $found = concat $found (include (printf "jobwatch.wrong.%s" .) $ | fromYamlArray) -}}
{{- end -}}
{{- if not .Values.allowSecretsInConfig -}}
{{- $found = concat $found (include "jobwatch.wrong.secrets" . | fromYamlArray) -}}
{{- end -}}
{{- if $found }}{{ fail (printf "\n%s" (join "\n" $found)) }}{{ end -}}
{{- end -}}

{{- /* A key with nothing behind it takes the default away, which helm does before it asks the schema. */ -}}
{{- define "jobwatch.wrong.nothing" -}}
{{- $needed := list "config" "image.repository" "image.pullPolicy" "persistence.enabled" "persistence.size"
      "serviceAccount.create" "service.port" "startupProbe" "livenessProbe" "readinessProbe" "podSecurityContext"
      "securityContext" -}}
{{- range $path := $needed }}
{{- $value := $.Values -}}
{{- range splitList "." $path }}{{ $value = get ($value | default dict) . }}{{ end -}}
{{- if kindIs "invalid" $value | or (eq (toString $value) "") }}
- {{ printf "%s is null: leave it out to have the default" $path | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "jobwatch.wrong.names" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" (include "jobwatch.fullname" .)) }}
- {{ printf "%s cannot name a Service: fullnameOverride (or nameOverride and the release) may have a-z, 0-9 and -, and begins with a letter" (include "jobwatch.fullname" .) | quote }}
{{- end }}
{{- if not (regexMatch "^[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$" (include "jobwatch.name" .)) }}
- {{ printf "nameOverride is %s, which cannot be a label: it may have letters, digits, -, _ and . between them" .Values.nameOverride | quote }}
{{- end }}
{{- end -}}

{{- define "jobwatch.wrong.sources" -}}
{{- if not .Values.config.sources }}
- "config.sources is empty: write at least one source, as in config/jobwatch.minimal.yaml"
{{- end }}
{{- end -}}

{{- /* Each file that is named below /run/secrets/jobwatch has to be there, or the daemon would end. */ -}}
{{- define "jobwatch.wrong.secretFiles" -}}
{{- if and .Values.existingSecret .Values.secrets }}
- "existingSecret and secrets are both set: keep one of them"
{{- end }}
{{- $mounted := false -}}
{{- range .Values.extraVolumeMounts }}{{ if hasPrefix "/run/secrets/jobwatch" .mountPath }}{{ $mounted = true }}{{ end }}{{ end -}}
{{- if not (or .Values.existingSecret $mounted) -}}
{{- range regexFindAll "/run/secrets/jobwatch/[-._a-zA-Z0-9]+" (include "jobwatch.config" .) -1 | uniq }}
{{- if not (hasKey $.Values.secrets (base .)) }}
- {{ printf "config names %s, and secrets has no %s: add it, or name a Secret that has it by existingSecret" . (base .) | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "jobwatch.wrong.place" -}}
{{- $listen := include "jobwatch.listen" . -}}
{{- if or (regexMatch "^(127\\.|localhost:|\\[::1\\])" $listen) (not (regexMatch ":[1-9][0-9]*$" $listen)) (gt (include "jobwatch.port" . | int) 65535) }}
- {{ printf "config.http.listen is %s, where neither probes nor Prometheus reach it: write \"0.0.0.0:19870\", or leave it out" $listen | quote }}
{{- end }}
{{- $path := include "jobwatch.storePath" . -}}
{{- if not (regexMatch "^/var/lib/jobwatch/[^/]+$" $path) }}
- {{ printf "config.store.path is %s, outside of the volume: leave it out, or name a file in /var/lib/jobwatch" $path | quote }}
{{- end }}
{{- end -}}

{{- define "jobwatch.wrong.environment" -}}
{{- range $index, $each := .Values.extraEnv }}
{{- if regexMatch "^JOBWATCH_(CONFIG|STORE(__.*)?|HTTP|HTTP__(LISTEN|TLS.*))$" (upper $each.name) }}
- {{ printf "extraEnv[%d] sets %s: say it in config, because ports, probes and mounts follow from it" $index $each.name | quote }}
{{- end }}
{{- $secret := regexMatch "^(TENCENTCLOUD_(SECRET_ID|SECRET_KEY|(|SECURITY_|SESSION_)TOKEN)|JOBWATCH_(RECEIVERS|HEARTBEAT)(__.*)?__(URL|SECRETS|ROUTING_KEY|HEADERS.*)|JOBWATCH_.*__(SECRET_ID|SECRET_KEY|TOKEN|READ_TOKEN|OPERATE_TOKEN|PROXY|DSN))$" (upper $each.name) -}}
{{- if and $secret $each.value (not $.Values.allowSecretsInConfig) }}
- {{ printf "extraEnv[%d] shows %s to whoever may read Deployments: write valueFrom: {secretKeyRef: …} in the place of value" $index $each.name | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "jobwatch.wrong.account" -}}
{{- if and .Values.serviceAccount.tkeRoleArn (not .Values.serviceAccount.create) }}
- "serviceAccount.tkeRoleArn annotates an account that the chart does not make: set serviceAccount.create, or annotate yours and leave it out"
{{- end }}
{{- end -}}
